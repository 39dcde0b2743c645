// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The anon_vmas of a floor by number, as frames know them. A number is given again when its
 * anon_vma has gone: no page can be mapped under it then.
 */
public final class AnonTable {
  private @Nullable MappingList[] lists = new MappingList[16];
  private int[] free = new int[16];
  private int freed;
  private int used = 1; // 0 is none

  /** An empty one. */
  public AnonTable() {}

  /** Adds one; its number. */
  public int add(MappingList list) {
    int number = freed > 0 ? free[--freed] : used++;
    if (number == lists.length) {
      lists = Arrays.copyOf(lists, number * 2);
    }
    lists[number] = list;
    return number;
  }

  /** Takes one out. */
  public void remove(int number) {
    lists[number] = null;
    if (freed == free.length) {
      free = Arrays.copyOf(free, freed * 2);
    }
    free[freed++] = number;
  }

  /** The VMAs of one, null if there is none of this number. */
  public @Nullable MappingList get(int number) {
    return number < used ? lists[number] : null;
  }
}
