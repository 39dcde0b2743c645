// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.root;

import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The roots of a machine: {@code pgd_list}. A root is found by its frame, whose {@code index} has
 * its place here above the lowest 8 bits, which are the level of the table.
 *
 * <p>Looking up is for any thread. What adds, removes or visits all of them holds the lock.
 */
public final class Roots {
  private static final int LEVEL_BITS = 8;

  private final MemMap memMap;
  private final KernelLock lock = new KernelLock(LockClass.PAGE_TABLE, "page-table roots");
  private volatile @Nullable Root[] slots = new Root[16];
  private volatile @Nullable Root kernel;

  /** An empty registry. */
  public Roots(MemMap memMap) {
    this.memMap = memMap;
  }

  /** The kernel's, once there is one. */
  public @Nullable Root kernel() {
    return kernel;
  }

  /**
   * Adds a root, if the kernel's is the first of its kind.
   *
   * @param root whose table belongs to nobody
   * @param level the top one
   * @param filler is called under the lock, before anybody finds the root
   * @return false, and nothing is changed, if it is the kernel's and there is one
   */
  public boolean add(Root root, int level, Runnable filler) {
    lock.lock();
    try {
      if (root.kernel && kernel != null) {
        return false;
      }
      root.slot = freeSlot();
      memMap.setMapping(root.pfn, root.pfn);
      memMap.setIndex(root.pfn, (long) root.slot << LEVEL_BITS | level);
      filler.run();
      slots[root.slot] = root;
      if (root.kernel) {
        kernel = root;
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  private int freeSlot() {
    @Nullable Root[] now = slots;
    for (int i = 0; i < now.length; i++) {
      if (now[i] == null) {
        return i;
      }
    }
    slots = Arrays.copyOf(now, 2 * now.length);
    return now.length;
  }

  /** Removes a root: from now on it is none. */
  public void remove(Root root) {
    lock.lock();
    try {
      slots[root.slot] = null;
      if (kernel == root) {
        kernel = null;
      }
      root.end();
      memMap.setMapping(root.pfn, 0);
      memMap.setIndex(root.pfn, 0);
    } finally {
      lock.unlock();
    }
  }

  /** Does something to each root while none comes or goes. */
  public void forEach(Consumer<? super Root> what) {
    lock.lock();
    try {
      for (Root root : slots) {
        if (root != null) {
          what.accept(root);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** All of them now, the kernel's last. */
  public List<Root> all() {
    List<Root> all = new ArrayList<>();
    forEach(
        root -> {
          if (!root.kernel) {
            all.add(root);
          }
        });
    Root last = kernel;
    if (last != null) {
      all.add(last);
    }
    return all;
  }

  /**
   * The root with this frame.
   *
   * @throws MisuseException if it is none
   */
  public Root get(long pfn) {
    if (pfn > 0 && pfn < memMap.endPfn() && memMap.mapping(pfn) == pfn) {
      long slot = memMap.index(pfn) >>> LEVEL_BITS;
      @Nullable Root[] now = slots;
      if (slot < now.length) {
        Root root = now[(int) slot];
        if (root != null && root.pfn == pfn) {
          return root;
        }
      }
    }
    throw new MisuseException("no root of page tables: pfn=" + pfn + owner(pfn));
  }

  private String owner(long pfn) {
    FrameOwner owner = pfn >= 0 && pfn < memMap.endPfn() ? memMap.owner(pfn) : FrameOwner.NONE;
    return " owner=" + owner;
  }

  /** The level of a table, from its frame's row. */
  public static int level(long index) {
    return (int) index & ((1 << LEVEL_BITS) - 1);
  }
}
