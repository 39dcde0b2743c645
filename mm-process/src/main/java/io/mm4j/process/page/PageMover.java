// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.page.Migrator;

/**
 * Moves single pages of anonymous memory to other frames, for compaction and for ranges that are
 * wanted as a whole ({@code migrate_folio_unmap} and {@code migrate_folio_move}, mm/migrate.c,
 * Linux 6.18): the bytes are copied, and every entry that maps the page is changed.
 *
 * <p>Differs: the entries never become migration entries, as nobody runs meanwhile. Huge pages and
 * pages of files stay where they are.
 */
public final class PageMover implements Migrator {
  private final Frames frames;
  private final MemMap map;

  /** Of all processes of one floor. */
  public PageMover(Frames frames) {
    this.frames = frames;
    this.map = frames.memMap();
  }

  /**
   * {@inheritDoc}
   *
   * <p>O(VMAs of its mapping). A page that somebody else refers to - it is being copied, or it was
   * just allocated - stays, and so does one that another floor has.
   */
  @Override
  public boolean migrate(Cpu cpu, long sourcePfn, long destinationPfn, int order) {
    if (order != 0 || !frames.isAnon(sourcePfn) || map.order(sourcePfn) != 0) {
      return false;
    }
    int mapped = map.mapcount(sourcePfn);
    boolean known =
        map.refcount(sourcePfn) == mapped + 1
            && frames.mappedAt(sourcePfn, (vma, addr) -> {}) == mapped;
    if (!known) {
      return false;
    }
    frames.bytes().movePage(destinationPfn, sourcePfn);
    int _ =
        frames.mappedAt(
            sourcePfn,
            (vma, addr) -> {
              PageTable table = vma.pageTable();
              if (table != null) {
                table.changeFrame(addr, destinationPfn);
              }
            });
    map.move(destinationPfn, sourcePfn, 0);
    return true;
  }

  @Override
  public String name() {
    return "the process floor";
  }
}
