// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.ThpMode;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Faults where 2 MiB fit and there is no memory for the page table that a split would need: they
 * fail ({@code do_huge_pmd_anonymous_page} of Linux 6.18), and no small page is mapped instead.
 */
class HugeFaultTest {
  private static final long AT = 0x10000000L;
  private static final long HUGE = 2L << 20;

  private boolean lacksTables;
  private final Rig rig =
      new Rig(Rig.INDEXES.getFirst(), MmSysctls.DEFAULTS, ThpMode.ALWAYS, this::shortTables);

  private PageTables shortTables(PageTables real) {
    return (PageTables)
        Proxy.newProxyInstance(
            PageTables.class.getClassLoader(),
            new Class<?>[] {PageTables.class},
            (proxy, called, arguments) -> {
              if (lacksTables && called.getName().equals("newTable")) {
                return PageTables.NO_TABLE;
              }
              try {
                return called.invoke(real, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @AfterEach
  void close() {
    rig.mm.validate();
    rig.close();
  }

  private void fails(boolean write) {
    rig.map(AT, HUGE >> 12, Rig.RW);
    rig.touch(AT - (AT % HUGE)); // the upper tables, and the zero page
    assertEquals(0, rig.mm.munmap(AT, HUGE));
    rig.map(AT, HUGE >> 12, Rig.RW);
    long rss = rig.mm.fields().rssPages();
    lacksTables = true;
    assertFalse(write ? rig.mm.write(AT, 1).ok() : rig.mm.read(AT).ok());
    assertEquals(".512", rig.pages(AT));
    assertEquals(rss, rig.mm.fields().rssPages());
    lacksTables = false;
    assertTrue(write ? rig.mm.write(AT, 1).ok() : rig.mm.read(AT).ok());
    rig.mm.validate();
    assertFalse(rig.pages(AT).contains("."), rig.pages(AT));
  }

  @Test
  void aWriteFails() {
    fails(true);
  }

  @Test
  void aReadFails() {
    fails(false);
  }
}
