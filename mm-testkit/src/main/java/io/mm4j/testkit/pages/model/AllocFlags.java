// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/**
 * How one walk over the zones is made: {@code alloc_flags} of mm/page_alloc.c (Linux 6.18).
 *
 * @param mark the watermark that is kept
 * @param flags everything else
 */
public record AllocFlags(Mark mark, Set<AllocFlag> flags) {
  /** Copies the set. */
  public AllocFlags {
    Set<AllocFlag> own = EnumSet.noneOf(AllocFlag.class);
    own.addAll(flags);
    flags = Collections.unmodifiableSet(own);
  }

  /** Whether this flag is set. */
  public boolean has(AllocFlag flag) {
    return flags.contains(flag);
  }

  /** {@code ALLOC_RESERVES}: whether it may use a reserve of any kind. */
  public boolean usesReserves() {
    return has(AllocFlag.NON_BLOCK)
        || has(AllocFlag.MIN_RESERVE)
        || has(AllocFlag.HIGHATOMIC)
        || has(AllocFlag.OOM);
  }

  /** The same with one flag more. */
  public AllocFlags with(AllocFlag flag) {
    Set<AllocFlag> more = copy();
    more.add(flag);
    return new AllocFlags(mark, more);
  }

  /** The same without a flag. */
  public AllocFlags without(AllocFlag flag) {
    Set<AllocFlag> fewer = copy();
    fewer.remove(flag);
    return new AllocFlags(mark, fewer);
  }

  /** The same at another watermark. */
  public AllocFlags at(Mark other) {
    return new AllocFlags(other, flags);
  }

  private Set<AllocFlag> copy() {
    Set<AllocFlag> copy = EnumSet.noneOf(AllocFlag.class);
    copy.addAll(flags);
    return copy;
  }
}
