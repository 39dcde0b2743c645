// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import org.apiguardian.api.API;

/**
 * How deep the tables of an architecture are, how wide, and which linear addresses they translate.
 *
 * @param levels levels of the walk, 2 to 5; the entries of level 1 map pages, those of level {@code
 *     levels} stand in the top table
 * @param entryBytes bytes of an entry in memory: 4 or 8, little endian
 * @param indexBits log2 of the entries of a table below the top one; such a table fills a page
 * @param topEntries entries of the top table, a power of two; it has a page of its own even where
 *     it needs less (4 entries of PAE)
 * @param addressBits width of a linear address: 32, or 48 and 57, from where on the highest bit is
 *     repeated to bit 63
 * @param leafLevels bit {@code n} is set if an entry of level {@code n} may map frames by itself;
 *     bit 1 always is
 */
@API(status = API.Status.EXPERIMENTAL)
public record TableShape(
    int levels, int entryBytes, int indexBits, int topEntries, int addressBits, int leafLevels) {
  /** Levels are at most so many. */
  public static final int MAX_LEVELS = 5;

  /** Checks that the parts fit each other. */
  public TableShape {
    boolean good =
        levels >= 2
            && levels <= MAX_LEVELS
            && (entryBytes == 4 || entryBytes == 8)
            && entryBytes << indexBits == 4096
            && Integer.bitCount(topEntries) == 1
            && topEntries <= 1 << indexBits
            && addressBits <= 64
            && (1L << (addressBits - 12 - (levels - 1) * indexBits)) == topEntries
            && (leafLevels & 2) != 0
            && (leafLevels & ~((2 << levels) - 2)) == 0;
    if (!good) {
      throw new IllegalArgumentException(
          String.format(
              "no shape of page tables: levels=%d entryBytes=%d indexBits=%d topEntries=%d"
                  + " addressBits=%d leafLevels=0x%x",
              levels, entryBytes, indexBits, topEntries, addressBits, leafLevels));
    }
  }

  /** log2 of the bytes that one entry of this level covers. */
  public int shift(int level) {
    return 12 + (level - 1) * indexBits;
  }

  /** Entries of a table of this level. */
  public int entries(int level) {
    return level == levels ? topEntries : 1 << indexBits;
  }

  /** Where an address stands in the table of this level: {@code pte_index()} and the like. */
  public int index(int level, long address) {
    return (int) (address >>> shift(level)) & (entries(level) - 1);
  }

  /** Whether entries of this level may map frames by themselves. */
  public boolean hasLeafs(int level) {
    return (leafLevels >>> level & 1) != 0;
  }

  /** Whether the tables can translate the address at all: it is canonical. */
  public boolean isCanonical(long address) {
    int spare = 64 - addressBits;
    return addressBits > 32 ? address << spare >> spare == address : address >>> addressBits == 0;
  }
}
