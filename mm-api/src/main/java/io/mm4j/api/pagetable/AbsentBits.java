// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import org.apiguardian.api.API;

/**
 * How an entry that is not there for the hardware says where the page is: {@code __swp_entry()} and
 * {@code __swp_entry_to_pte()} of arch/x86/include/asm/pgtable_64.h, pgtable-3level.h and
 * pgtable-2level.h (Linux 6.18). Such an entry has a type ({@link SwapType}), an offset, and up to
 * three flags beside them; what the offset means depends on the type: a slot of a swap file, a
 * frame, or the bits of a marker.
 *
 * <p>Pure functions: any thread, O(1), no allocation.
 *
 * @param typeShift where the 5 bits of the type begin
 * @param offsetShift where the offset begins
 * @param offset the bits of the entry that hold the offset
 * @param inverted those of them that are stored inverted (L1TF): all or none
 * @param maxOffset the largest offset that Linux can use here: its own form of such an entry may
 *     have less room
 * @param exclusive the page belongs to one process only
 * @param softDirty the page was soft-dirty; 0 where Linux does not track that
 * @param uffdWp it was write-protected for userfaultfd; 0 where Linux cannot
 */
@API(status = API.Status.EXPERIMENTAL)
public record AbsentBits(
    int typeShift,
    int offsetShift,
    long offset,
    long inverted,
    long maxOffset,
    long exclusive,
    long softDirty,
    long uffdWp) {
  private static final long TYPES = SwapType.TYPES - 1;

  /**
   * {@code swp_entry_to_pte()}: an entry of this type and offset, without flags.
   *
   * @param type 0 to 31, see {@link SwapType}
   * @param offset 0 to {@link #maxOffset}; higher bits are lost
   */
  public long entry(int type, long offset) {
    return (type & TYPES) << typeShift | ((offset << offsetShift ^ inverted) & this.offset);
  }

  /** {@code swp_type()} of an absent entry. */
  public int type(long entry) {
    return (int) (entry >>> typeShift & TYPES);
  }

  /** {@code swp_offset()} of an absent entry. */
  public long offset(long entry) {
    return ((entry ^ inverted) & offset) >>> offsetShift;
  }

  /** {@code make_pte_marker()}: an entry with nothing behind it but these bits. */
  public long marker(int bits) {
    return entry(SwapType.MARKER, bits);
  }

  /** {@code is_pte_marker()} of an absent entry. */
  public boolean isMarker(long entry) {
    return type(entry) == SwapType.MARKER;
  }

  /** {@code pte_marker_get()}: the bits of a marker, 0 of another absent entry. */
  public int markerBits(long entry) {
    return isMarker(entry) ? (int) offset(entry) & SwapType.MARKER_BITS : 0;
  }

  /** {@code is_guard_pte_marker()} of an absent entry. */
  public boolean isGuard(long entry) {
    return (markerBits(entry) & SwapType.MARKER_GUARD) != 0;
  }

  /** {@code is_migration_entry()} of an absent entry: its page is being moved. */
  public boolean isMigration(long entry) {
    int type = type(entry);
    return type >= SwapType.MIGRATION_READ && type <= SwapType.MIGRATION_WRITE;
  }

  /** Whether an absent entry names a slot of a swap file: {@code !non_swap_entry()}. */
  public boolean isSwap(long entry) {
    return type(entry) < SwapType.MAX_SWAPFILES;
  }

  /** {@code pte_swp_exclusive()}. */
  public boolean isExclusive(long entry) {
    return (entry & exclusive) != 0;
  }

  /** {@code pte_swp_mkexclusive()}. */
  public long mkexclusive(long entry) {
    return entry | exclusive;
  }

  /** {@code pte_swp_clear_exclusive()}. */
  public long clearExclusive(long entry) {
    return entry & ~exclusive;
  }

  /** {@code pte_swp_soft_dirty()}. */
  public boolean isSoftDirty(long entry) {
    return (entry & softDirty) != 0;
  }

  /** {@code pte_swp_mksoft_dirty()}. */
  public long mksoftDirty(long entry) {
    return entry | softDirty;
  }

  /** {@code pte_swp_clear_soft_dirty()}. */
  public long clearSoftDirty(long entry) {
    return entry & ~softDirty;
  }

  /** {@code pte_swp_uffd_wp()}. */
  public boolean isUffdWp(long entry) {
    return (entry & uffdWp) != 0;
  }

  /** {@code pte_swp_mkuffd_wp()}. */
  public long mkuffdWp(long entry) {
    return entry | uffdWp;
  }

  /** {@code pte_swp_clear_uffd_wp()}. */
  public long clearUffdWp(long entry) {
    return entry & ~uffdWp;
  }

  /** {@code pte_swp_clear_flags()}: type and offset alone. */
  public long clearFlags(long entry) {
    return entry & ~(exclusive | softDirty | uffdWp);
  }
}
