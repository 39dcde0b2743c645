// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The VMAs under which the pages of an anon_vma or of a file can be mapped ({@code rb_root} of an
 * {@code anon_vma}, {@code i_mmap}): those that reverse mapping looks at. Unlike the kernel's
 * interval trees it is gone through as a whole: O(VMAs).
 */
public final class MappingList {
  private @Nullable Mapping[] mappings = new Mapping[2];
  private int size;

  /** An empty one. */
  public MappingList() {}

  /** How many there are. */
  public int size() {
    return size;
  }

  /** One of them, by number from 0. */
  public Mapping get(int i) {
    Mapping found = mappings[i];
    if (found == null) {
      throw new IndexOutOfBoundsException("i=" + i + " size=" + size);
    }
    return found;
  }

  /** Whether it is one of them. */
  public boolean contains(Mapping mapping) {
    for (int i = 0; i < size; i++) {
      if (mapping.equals(mappings[i])) {
        return true;
      }
    }
    return false;
  }

  /** One more. */
  public void add(Mapping mapping) {
    if (size == mappings.length) {
      mappings = Arrays.copyOf(mappings, size * 2);
    }
    mappings[size++] = mapping;
  }

  /** One less; the last one that was added is found first. */
  public void remove(Mapping mapping) {
    for (int i = size - 1; i >= 0; i--) {
      if (mapping.equals(mappings[i])) {
        mappings[i] = mappings[--size];
        mappings[size] = null;
        return;
      }
    }
    throw new IllegalStateException("not in the list of size=" + size);
  }
}
