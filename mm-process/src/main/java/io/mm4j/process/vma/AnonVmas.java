// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.vma;

import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How VMAs get, share and lose their {@link AnonVma} (mm/rmap.c, mm/vma.c of Linux 6.18):
 *
 * <ul>
 *   <li>{@link #prepare}: at the first anonymous page; a neighbour's is reused when the two could
 *       merge but for their access rights;
 *   <li>{@link #cloneChain}: at a split or a move the new VMA joins all of the old one's;
 *   <li>{@link #fork}: the child's VMA joins the parent's and gets one of its own below them;
 *   <li>{@link #unlink}: when a VMA goes.
 * </ul>
 */
public final class AnonVmas {
  private AnonVmas() {}

  /**
   * Makes sure that a VMA has an anon_vma ({@code anon_vma_prepare}).
   *
   * @return false if no memory was left
   */
  public static boolean prepare(VmaTree tree, Vma vma) {
    if (vma.anonVma != null) {
      return true;
    }
    if (tree.allocationFails()) {
      return false; // the link
    }
    AnonVma found = findMergeable(tree, vma);
    if (found == null) {
      if (tree.allocationFails()) {
        return false;
      }
      found = AnonVma.root(tree.anonTable());
    }
    vma.anonVma = found;
    vma.link(found);
    found.numActiveVmas++;
    return true;
  }

  private static @Nullable AnonVma findMergeable(VmaTree tree, Vma vma) {
    Vma next = tree.next(vma);
    if (next != null && next.anonVma != null && next.chainIsSingular() && compatible(vma, next)) {
      return next.anonVma;
    }
    Vma prev = tree.prev(vma);
    if (prev != null && prev.anonVma != null && prev.chainIsSingular() && compatible(prev, vma)) {
      return prev.anonVma;
    }
    return null;
  }

  /**
   * Touching, same policy, file and offsets, and flags that differ at most in what mprotect
   * changes.
   */
  private static boolean compatible(Vma a, Vma b) {
    return a.end == b.start
        && Objects.equals(a.policy, b.policy)
        && Objects.equals(a.file, b.file)
        && ((a.flags ^ b.flags) & ~(VmFlags.ACCESS | VmFlags.STICKY)) == 0
        && b.pgoff == a.pgoff + a.pages();
  }

  /**
   * {@code to} joins every anon_vma of {@code from} ({@code anon_vma_clone}). Unless {@code to} has
   * an anon_vma already, one without VMA of its own may become it: that of an ancestor which has
   * gone.
   */
  static void cloneChain(Vma to, Vma from) {
    for (int i = 0; i < from.chainLength; i++) {
      AnonVma each = from.chain[i];
      to.link(each);
      if (to.anonVma == null
          && from.anonVma != null
          && each.numChildren < 2
          && each.numActiveVmas == 0) {
        to.anonVma = each;
      }
    }
    if (to.anonVma != null) {
      to.anonVma.numActiveVmas++;
    }
  }

  /** {@code dup_anon_vma}: a VMA that takes over a faulted range takes over its anon_vma. */
  static void duplicate(Vma to, Vma from) {
    if (from.anonVma != null && to.anonVma == null) {
      to.anonVma = from.anonVma;
      cloneChain(to, from);
    }
  }

  /** {@code anon_vma_fork}: {@code child} is a copy of {@code parent} without chain. */
  public static void fork(VmaTree tree, Vma child, Vma parent) {
    child.anonVma = null;
    if (parent.anonVma == null) {
      return;
    }
    cloneChain(child, parent);
    if (child.anonVma != null) {
      return;
    }
    AnonVma own = new AnonVma(tree.anonTable(), parent.anonVma);
    own.numActiveVmas++;
    child.anonVma = own;
    child.link(own);
  }

  /** {@code unlink_anon_vmas}. */
  public static void unlink(Vma vma) {
    for (int i = 0; i < vma.chainLength; i++) {
      AnonVma each = vma.chain[i];
      each.vmas.remove(vma);
      if (each.vmas.size() == 0) {
        each.forget();
      }
    }
    Arrays.fill(vma.chain, 0, vma.chainLength, null);
    vma.chainLength = 0;
    if (vma.anonVma != null) {
      vma.anonVma.numActiveVmas--;
      vma.anonVma = null;
    }
  }

  /** What is wrong with a VMA's links, or null. */
  public static @Nullable String check(Vma vma) {
    if (vma.anonVma == null) {
      return vma.chainLength == 0 ? null : "chain of " + vma.chainLength + " without anon_vma";
    }
    for (int i = 0; i < vma.chainLength; i++) {
      if (vma.chain[i] == vma.anonVma) {
        return null;
      }
    }
    return "its anon_vma is not in its chain";
  }
}
