// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

/**
 * One line of a state block: maps and smaps of one VMA, sizes in kB.
 *
 * @param maps what maps shows
 * @param rssKb resident
 * @param anonKb of it anonymous
 * @param lockedKb locked, proportionally
 * @param anonHugeKb in huge pages
 * @param flags VmFlags, comma-separated
 * @param pages run lengths of page states, or {@code ?}
 */
public record StateLine(
    MapsLine maps,
    long rssKb,
    long anonKb,
    long lockedKb,
    long anonHugeKb,
    String flags,
    String pages) {
  @Override
  public String toString() {
    return String.format(
        "%s rss=%d anon=%d locked=%d ahp=%d flags=%s pages=%s",
        maps, rssKb, anonKb, lockedKb, anonHugeKb, flags, pages);
  }
}
