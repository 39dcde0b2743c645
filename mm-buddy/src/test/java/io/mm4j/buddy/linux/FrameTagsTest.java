// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageState;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The tag that says where a block comes back to, and when it is no longer true. */
class FrameTagsTest {
  private static final int RECLAIMABLE = Gfp.GFP_KERNEL | Gfp.__GFP_RECLAIMABLE;

  private static int tag(Rig rig, long pfn) {
    return PageState.tag(rig.machine.memory().memMap().states().get(pfn));
  }

  private static void retype(Rig rig, long pfn, int type) {
    for (ManagedZone managed : rig.pages.zones()) {
      if (managed.zone().contains(pfn)) {
        managed.zone().lock().lock();
        try {
          managed.frames().movePageblock(pfn, type);
        } finally {
          managed.zone().lock().unlock();
        }
      }
    }
    rig.pages.freeBlocksChanged();
  }

  /** A block that has come back once; the next free needs no look at its pageblock. */
  private static long worn(Rig rig, int order) {
    long first = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, order);
    retype(rig, first, Migratetype.UNMOVABLE);
    rig.pages.freePages(rig.cpu0, first, order);
    long pfn = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, order);
    assertEquals(first, pfn);
    assertNotEquals(0, tag(rig, pfn));
    return pfn;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void aBlockComesBackToTheTypeThatItsPageblockHasThen(int order) {
    try (Rig rig = new Rig(Rig.memory(64))) {
      long pfn = worn(rig, order);
      retype(rig, pfn, Migratetype.RECLAIMABLE);
      assertEquals(0, tag(rig, pfn));
      rig.pages.freePages(rig.cpu0, pfn, order);
      assertEquals(pfn, rig.pages.allocPages(rig.cpu0, RECLAIMABLE, order));
      rig.pages.freePages(rig.cpu0, pfn, order);
      assertEquals(pfn, rig.pages.allocPages(rig.cpu0, RECLAIMABLE, order));
      assertNotEquals(0, tag(rig, pfn));
      rig.pages.freePages(rig.cpu0, pfn, order);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void aBlockThatRestsOnAListIsGivenFromItAndComesBackToAnother(int order) {
    try (Rig rig = new Rig(Rig.memory(64))) {
      long pfn = worn(rig, order);
      rig.pages.freePages(rig.cpu0, pfn, order);
      retype(rig, pfn, Migratetype.RECLAIMABLE);
      assertEquals(pfn, rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, order));
      rig.pages.freePages(rig.cpu0, pfn, order);
      assertEquals(pfn, rig.pages.allocPages(rig.cpu0, RECLAIMABLE, order));
      rig.pages.freePages(rig.cpu0, pfn, order);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void thePiecesOfASplitBlockComeBackAsWhatTheyAre(int order) {
    try (Rig rig = new Rig(Rig.memory(64))) {
      long pfn = worn(rig, order);
      rig.pages.splitPage(pfn, order);
      for (int i = 0; i < 1 << order; i++) {
        rig.pages.freePages(rig.cpu0, pfn + i, 0);
        assertEquals(FrameOwner.PCP, rig.machine.memory().memMap().owner(pfn + i));
      }
      long last = pfn + (1L << order) - 1;
      assertEquals(last, rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0));
      rig.pages.freePages(rig.cpu0, last, 0);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void whatAHolderWroteIsForgottenWithATagToo(int order) {
    try (Rig rig = new Rig(Rig.memory(64))) {
      MemMap map = rig.machine.memory().memMap();
      for (long held = 0; held < 1L << order; held++) {
        long pfn = worn(rig, order);
        if (held == 0) {
          map.hold(pfn, order, FrameOwner.ANON, 0, 0x77, 5);
        } else {
          map.setMapping(pfn + held, 0x77); // a tail's
        }
        rig.pages.freePages(rig.cpu0, pfn, order);
        assertEquals(0, map.mapping(pfn + held));
        assertFalse(map.isHeld(pfn + held));
      }
    }
  }
}
