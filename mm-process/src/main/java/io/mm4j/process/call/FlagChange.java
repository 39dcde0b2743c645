// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.uffd.Userfaultfd;
import io.mm4j.process.vma.MemPolicy;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import org.jspecify.annotations.Nullable;

/**
 * Gives a part of a VMA new flags: merges or splits it ({@code vma_modify_flags}), then sets them.
 * Sums are the caller's.
 */
final class FlagChange {
  private final Mm mm;

  /** Negated errno of the last {@link #apply} that gave null. */
  long error;

  FlagChange(Mm mm) {
    this.mm = mm;
  }

  /** The VMA that now holds the range with the flags, or null; then {@link #error} says why. */
  @Nullable Vma apply(Vma vma, long start, long end, long newFlags) {
    return apply(vma, start, end, newFlags, vma.anonName);
  }

  /** The same with another name. */
  @Nullable Vma apply(Vma vma, long start, long end, long newFlags, @Nullable String name) {
    Vma result =
        staysWhole(vma, start, end)
            ? null
            : done(mm.merger.modify(vma, start, end, newFlags, name, mm.maxMapCount()));
    if (result == null) {
      return null;
    }
    result.flags = newFlags | (result.flags & VmFlags.STICKY);
    result.anonName = name;
    mm.vmas.changed();
    return result;
  }

  /** The same with another memory policy ({@code vma_modify_policy}). */
  @Nullable Vma policy(Vma vma, long start, long end, @Nullable MemPolicy policy) {
    Vma result =
        staysWhole(vma, start, end)
            ? null
            : done(mm.merger.modifyPolicy(vma, start, end, policy, mm.maxMapCount()));
    if (result != null) {
      result.policy = policy;
      mm.vmas.changed();
    }
    return result;
  }

  /** The same with another userfaultfd, which is told of what the flags say. */
  @Nullable Vma uffd(Vma vma, long start, long end, long newFlags, @Nullable Userfaultfd watch) {
    Vma result =
        staysWhole(vma, start, end)
            ? null
            : done(mm.merger.modifyUffd(vma, start, end, newFlags, watch, mm.maxMapCount()));
    if (result != null) {
      result.flags = newFlags | (result.flags & VmFlags.STICKY);
      result.uffd = watch;
      mm.vmas.changed();
    }
    return result;
  }

  private boolean staysWhole(Vma vma, long start, long end) {
    boolean cut =
        (start != vma.start && !Unmapper.maySplit(vma, start))
            || (end != vma.end && !Unmapper.maySplit(vma, end));
    error = cut ? mm.error(Errno.EINVAL, "a special mapping cannot be split") : 0;
    return cut;
  }

  private @Nullable Vma done(@Nullable Vma result) {
    error = result == null ? mm.error(Errno.ENOMEM, "no memory or too many VMAs to split") : 0;
    return result;
  }
}
