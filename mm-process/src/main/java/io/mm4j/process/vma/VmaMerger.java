// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.vma;

import io.mm4j.api.process.Explainer;
import io.mm4j.process.uffd.Userfaultfd;
import java.util.List;
import java.util.Objects;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Merging of VMAs (mm/vma.c of Linux 6.18).
 *
 * <p>Two ranges that touch become one VMA when
 *
 * <ol>
 *   <li>their flags are equal (but for {@link VmFlags#STICKY}) and none is {@link VmFlags#SPECIAL},
 *   <li>they come from the same open file,
 *   <li>their names are the same, if the kernel has names of anonymous VMAs, and so are their
 *       memory policies and the userfaultfd that is told of their faults,
 *   <li>their page offsets continue,
 *   <li>their anon_vmas are the same, or one has none and the other's was never shared by fork
 *       ({@code is_mergeable_anon_vma}),
 *   <li>and, when three become one, the outer two agree as well; if they do not, the range goes to
 *       the left one.
 * </ol>
 *
 * <p>{@link #mergeNew} puts a new range into its neighbours, {@link #modify} gives a part of a VMA
 * new flags: by merging it with a neighbour, else by splitting the VMA. Every step asks for memory
 * before it changes anything.
 */
public final class VmaMerger {
  private final VmaTree tree;
  private final LongConsumer splitHugeAt;
  private @Nullable Explainer explainer;

  /** The request to fill in. */
  public final MergeRequest request = new MergeRequest();

  /**
   * Over one address space.
   *
   * @param splitHugeAt splits a huge mapping that an address cuts
   */
  public VmaMerger(VmaTree tree, LongConsumer splitHugeAt) {
    this.tree = tree;
    this.splitHugeAt = splitHugeAt;
  }

  /** Tells reasons to somebody, or to nobody. */
  public void explainTo(@Nullable Explainer explainer) {
    this.explainer = explainer;
  }

  /**
   * {@code vma_merge_new_range}: puts the requested new range into one or both neighbours.
   *
   * @return the VMA that now contains it, or null when it needs a VMA of its own; then {@link
   *     MergeRequest#outOfMemory} says whether a merge was right and memory was out
   */
  public @Nullable Vma mergeNew(MergeRequest r) {
    Vma prev = r.prev;
    Vma next = r.next;
    if ((r.flags & VmFlags.SPECIAL) != 0) {
      if (explainer != null) {
        because("a special mapping never merges");
      }
      return null;
    }
    boolean left = canMergeLeft(r);
    boolean right = !r.justExpand && canMergeRight(r, left);
    right &= !left || next == null || canRemove(next);
    if (!left && !right) {
      explainAlone(r);
      return null;
    }
    if (noMemory(r, Objects.requireNonNull(left ? prev : next), left && right ? next : null)) {
      return null;
    }
    explainMerge(r, left, right, "the new range");
    if (left) {
      Vma target = Objects.requireNonNull(prev);
      long end = r.end;
      if (right && next != null) {
        AnonVmas.duplicate(target, next);
      }
      if (r.copiedFrom != null) {
        AnonVmas.duplicate(target, r.copiedFrom);
      }
      target.flags |= r.flags & VmFlags.STICKY;
      if (right && next != null) {
        end = next.end;
        target.flags |= next.flags & VmFlags.STICKY;
        tree.remove(next);
      }
      tree.setRange(target, target.start, end);
      return target;
    }
    Vma target = Objects.requireNonNull(next);
    if (r.copiedFrom != null) {
      AnonVmas.duplicate(target, r.copiedFrom);
    }
    target.flags |= r.flags & VmFlags.STICKY;
    target.pgoff -= (r.end - r.start) >> 12;
    tree.setRange(target, r.start, target.end);
    return target;
  }

  /**
   * {@code vma_modify_flags}: the range [start, end) of {@code vma} is about to get new flags.
   * Merges it with a neighbour that has them, else splits so that it is a VMA of its own. The
   * caller then sets the flags of the result, or'ed with its {@link VmFlags#STICKY} ones.
   *
   * @param maxMapCount no split when so many VMAs exist
   * @return the VMA that contains the range, or null when memory or the limit refused
   */
  public @Nullable Vma modify(Vma vma, long start, long end, long newFlags, int maxMapCount) {
    return modify(vma, start, end, newFlags, vma.anonName, maxMapCount);
  }

  /** The same, and another memory policy is about to be set ({@code vma_modify_policy}). */
  public @Nullable Vma modifyPolicy(
      Vma vma, long start, long end, @Nullable MemPolicy newPolicy, int maxMapCount) {
    request.forNew(null, null, start, end, vma.pgoffAt(start), vma.flags).like(vma);
    request.policy = newPolicy;
    return modifyAs(vma, maxMapCount);
  }

  /** The same, and another userfaultfd is about to be set ({@code vma_modify_flags_uffd}). */
  public @Nullable Vma modifyUffd(
      Vma vma, long start, long end, long newFlags, @Nullable Userfaultfd uffd, int maxMapCount) {
    request.forNew(null, null, start, end, vma.pgoffAt(start), newFlags).like(vma);
    request.uffd = uffd;
    return modifyAs(vma, maxMapCount);
  }

  /** The same, and another name is about to be set as well ({@code vma_modify_name}). */
  public @Nullable Vma modify(
      Vma vma, long start, long end, long newFlags, @Nullable String newName, int maxMapCount) {
    request.forNew(null, null, start, end, vma.pgoffAt(start), newFlags).like(vma);
    request.anonName = newName;
    return modifyAs(vma, maxMapCount);
  }

  /** {@code vma_modify}, to what the request says. */
  private @Nullable Vma modifyAs(Vma vma, int maxMapCount) {
    MergeRequest r = request;
    long start = r.start;
    long end = r.end;
    r.middle = vma;
    Vma merged = mergeExisting(r);
    if (merged != null) {
      return merged;
    }
    if (r.outOfMemory) {
      return null;
    }
    if (explainer != null && vma.start == start && vma.end == end) {
      because("the whole of " + vma + " changes: nothing to split");
    }
    if (vma.start < start && split(vma, start, true, maxMapCount) == null) {
      return null;
    }
    if (vma.end > end && split(vma, end, false, maxMapCount) == null) {
      return null;
    }
    return vma;
  }

  private @Nullable Vma mergeExisting(MergeRequest r) {
    Vma middle = Objects.requireNonNull(r.middle);
    boolean leftSide = r.start == middle.start;
    boolean rightSide = r.end == middle.end;
    if ((r.flags & VmFlags.SPECIAL) != 0 || (!leftSide && !rightSide)) {
      return null;
    }
    r.prev = leftSide ? tree.prev(middle) : null;
    r.next = rightSide ? tree.next(middle) : null;
    boolean left = leftSide && canMergeLeft(r);
    boolean right = rightSide && canMergeRight(r, left);
    if (!left && !right) {
      return null;
    }
    if (leftSide && rightSide && !canRemove(middle)) {
      because("a whole attachment of a segment does not become part of another VMA");
      return null;
    }
    if (noMemory(
        r, Objects.requireNonNull(left ? r.prev : r.next), left && right ? r.next : null)) {
      return null;
    }
    explainMerge(r, left, right, "the changed range");
    boolean whole = leftSide && rightSide;
    long sticky = r.flags & VmFlags.STICKY;
    if (left) {
      Vma prev = Objects.requireNonNull(r.prev);
      long end = r.end;
      if (right) {
        Vma next = Objects.requireNonNull(r.next);
        AnonVmas.duplicate(prev, next.anonVma != null ? next : middle);
        sticky |= next.flags & VmFlags.STICKY;
        end = next.end;
        tree.remove(next);
      } else {
        AnonVmas.duplicate(prev, middle);
      }
      if (whole) {
        tree.remove(middle);
      } else {
        adjustHuge(r.end);
        middle.pgoff += (r.end - middle.start) >> 12;
        tree.setRange(middle, r.end, middle.end);
      }
      prev.flags |= sticky;
      tree.setRange(prev, prev.start, end);
      return prev;
    }
    Vma next = Objects.requireNonNull(r.next);
    AnonVmas.duplicate(next, middle);
    if (whole) {
      tree.remove(middle);
    } else {
      adjustHuge(r.start);
      tree.setRange(middle, middle.start, r.start);
    }
    next.pgoff -= (next.start - r.start) >> 12;
    next.flags |= sticky;
    tree.setRange(next, r.start, next.end);
    return next;
  }

  /**
   * {@code split_vma}: cuts a VMA in two.
   *
   * @param newBelow the new object is the lower part; else the upper
   * @param maxMapCount refuses when so many VMAs exist; {@link Integer#MAX_VALUE} never
   * @return the new VMA, or null when it was refused (ENOMEM)
   */
  public @Nullable Vma split(Vma vma, long addr, boolean newBelow, int maxMapCount) {
    if (tree.size() >= maxMapCount) {
      if (explainer != null) {
        because("no split of " + vma + ": map_count " + tree.size() + " has reached the limit");
      }
      return null;
    }
    if (!tree.prepareCopy(vma)) {
      return null;
    }
    long upperPgoff = vma.pgoffAt(addr);
    if (explainer != null) {
      explainer.because("split", vma + " is cut at 0x" + Long.toHexString(addr));
    }
    Vma added;
    adjustHuge(addr);
    if (newBelow) {
      added = tree.duplicate(vma, vma.start, addr, vma.pgoff);
      vma.pgoff = upperPgoff;
      tree.setRange(vma, addr, vma.end);
    } else {
      added = tree.duplicate(vma, addr, vma.end, upperPgoff);
      tree.setRange(vma, vma.start, addr);
    }
    tree.insert(added);
    return added;
  }

  /**
   * Asks for all that a merge needs before it begins: places in the index ({@code
   * vma_iter_prealloc}), and links when the one that stays takes over anon_vmas ({@code
   * dup_anon_vma}).
   *
   * @param other the third VMA when three become one
   */
  private boolean noMemory(MergeRequest r, Vma target, @Nullable Vma other) {
    boolean takesOver =
        target.anonVma == null
            && ((other != null && other.anonVma != null)
                || (r.middle != null && r.middle.anonVma != null)
                || (r.copiedFrom != null && r.copiedFrom.anonVma != null));
    r.outOfMemory = tree.allocationFails() || (takesOver && tree.allocationFails());
    return r.outOfMemory;
  }

  /**
   * {@code can_merge_remove_vma}: a VMA whose file wants to be told of its end ({@code
   * vm_ops->close}), as segments do, does not go in a merge.
   */
  private static boolean canRemove(Vma vma) {
    return vma.backing == null || !vma.backing.isSegment();
  }

  private void adjustHuge(long addr) {
    splitHugeAt.accept(addr);
  }

  // ---------------------------------------------------------------- the rules

  private boolean canMergeLeft(MergeRequest r) {
    Vma prev = r.prev;
    if (prev == null || prev.end != r.start) {
      return false;
    }
    if (prev.pgoff + prev.pages() != r.pgoff) {
      if (explainer != null) {
        because(
            prev.hasAny(VmFlags.SPECIAL)
                ? "not with " + prev + " before: a special mapping never merges"
                : "not with "
                    + prev
                    + " before: its page offsets go on with 0x"
                    + Long.toHexString(prev.pgoff + prev.pages())
                    + ", those of the range begin with 0x"
                    + Long.toHexString(r.pgoff));
      }
      return false;
    }
    return sameKind(r, prev) && anonVmasAgree(r, prev);
  }

  private boolean canMergeRight(MergeRequest r, boolean left) {
    Vma next = r.next;
    if (next == null || next.start != r.end) {
      return false;
    }
    if (next.pgoff != r.pgoff + ((r.end - r.start) >> 12)) {
      if (explainer != null) {
        because(
            next.hasAny(VmFlags.SPECIAL)
                ? "not with " + next + " behind: a special mapping never merges"
                : "not with "
                    + next
                    + " behind: its page offsets begin with 0x"
                    + Long.toHexString(next.pgoff)
                    + ", those of the range would go on with 0x"
                    + Long.toHexString(r.pgoff + ((r.end - r.start) >> 12)));
      }
      return false;
    }
    if (!sameKind(r, next) || !anonVmasAgree(r, next)) {
      return false;
    }
    if (!left || r.prev == null) {
      return true;
    }
    Vma prev = r.prev;
    boolean agree = prev.anonVma == null || next.anonVma == null || prev.anonVma == next.anonVma;
    if (!agree) {
      if (explainer != null) {
        because("only with " + prev + ": " + next + " was faulted on its own");
      }
    }
    return agree;
  }

  private static String difference(long there, long wanted) {
    List<String> letters = VmFlags.letters((there ^ wanted) & ~VmFlags.STICKY);
    return letters.isEmpty() && VmFlags.key(there) != VmFlags.key(wanted)
        ? "protection keys differ, " + VmFlags.key(there) + " and " + VmFlags.key(wanted)
        : "flags differ in " + String.join(" ", letters) + " (letters of VmFlags in smaps)";
  }

  private boolean sameKind(MergeRequest r, Vma vma) {
    if (((vma.flags ^ r.flags) & ~VmFlags.STICKY) != 0) {
      if (explainer != null) {
        because("not with " + vma + ": " + difference(vma.flags, r.flags));
      }
      return false;
    }
    if (!Objects.equals(vma.file, r.file)) {
      if (explainer != null) {
        because("not with " + vma + ": another open file");
      }
      return false;
    }
    if (!Objects.equals(vma.anonName, r.anonName)) {
      if (explainer != null) {
        because("not with " + vma + ": another name");
      }
      return false;
    }
    if (!Objects.equals(vma.policy, r.policy)) {
      if (explainer != null) {
        because("not with " + vma + ": another memory policy");
      }
      return false;
    }
    if (vma.uffd != r.uffd) {
      if (explainer != null) {
        because("not with " + vma + ": another userfaultfd");
      }
      return false;
    }
    return true;
  }

  private boolean anonVmasAgree(MergeRequest r, Vma target) {
    if (target.anonVma == r.anonVma) {
      return true;
    }
    if (target.anonVma == null) {
      boolean forked =
          (r.middle != null && r.middle.hadUncowedParents())
              || (r.copiedFrom != null && r.copiedFrom.hadUncowedParents());
      if (forked) {
        if (explainer != null) {
          because("not with " + target + ": the range was inherited by fork");
        }
      }
      return !forked;
    }
    if (r.anonVma == null) {
      boolean forked = target.hadUncowedParents();
      if (forked) {
        if (explainer != null) {
          because("not with " + target + ": it was inherited by fork");
        }
      }
      return !forked;
    }
    if (explainer != null) {
      because("not with " + target + ": both were faulted, each on its own");
    }
    return false;
  }

  private void explainMerge(MergeRequest r, boolean left, boolean right, String range) {
    if (explainer == null) {
      return;
    }
    String what = range + " " + Long.toHexString(r.start) + "-" + Long.toHexString(r.end);
    if (left && right) {
      because(what + " joins " + r.prev + " before and " + r.next + " behind: three become one");
    } else {
      because(what + " becomes part of " + (left ? r.prev + " before" : r.next + " behind"));
    }
  }

  /** Neighbours that touch have said themselves why they do not merge. */
  private void explainAlone(MergeRequest r) {
    boolean before = r.prev != null && r.prev.end == r.start;
    boolean behind = r.next != null && r.next.start == r.end && !r.justExpand;
    if (explainer != null && !before && !behind) {
      because("no mapping touches the range, so there is nothing to merge with");
    }
  }

  private void because(String reason) {
    if (explainer != null) {
      explainer.because("merge", reason);
    }
  }
}
