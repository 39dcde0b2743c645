// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.mm4j.api.InputException;
import io.mm4j.api.page.Gfp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Masks that kernels of each layout printed, with the names that were printed beside them. */
class GfpTextTest {
  @ParameterizedTest
  @CsvSource({
    "0xd0,2.6,GFP_KERNEL",
    "0x20,2.6,GFP_ATOMIC",
    "0x4020,3.2,GFP_ATOMIC|__GFP_COMP",
    "0x200da,3.10,GFP_HIGHUSER_MOVABLE",
    "0x201da,3.10,GFP_HIGHUSER_MOVABLE",
    "0x24000c0,4.9,GFP_KERNEL",
    "0x24200ca,4.4,GFP_HIGHUSER_MOVABLE",
    "0x14000c0,4.15,GFP_KERNEL",
    "0x14200ca,4.15,GFP_HIGHUSER_MOVABLE",
    "0x6000c0,5.0,GFP_KERNEL",
    "0x6280ca,4.19,GFP_HIGHUSER_MOVABLE|__GFP_ZERO",
    "0xcc0,5.4,GFP_KERNEL",
    "0x100cca,5.15,GFP_HIGHUSER_MOVABLE",
    "0x40a20,5.10,GFP_ATOMIC|__GFP_COMP",
    "0x40820,6.12,GFP_ATOMIC|__GFP_COMP",
  })
  void bareNumbersAreReadByTheVersion(String mask, String version, String names) {
    int dot = version.indexOf('.');
    KernelVersion kernel =
        new KernelVersion(
            Integer.parseInt(version.substring(0, dot)),
            Integer.parseInt(version.substring(dot + 1)));
    assertEquals(Gfp.parse(names, "test"), GfpText.parse(mask, kernel, "test"));
  }

  @Test
  void namesCountBeforeNumbers() {
    KernelVersion old = new KernelVersion(4, 9);
    assertEquals(
        Gfp.GFP_KERNEL | Gfp.__GFP_COMP,
        GfpText.parse("0x24040c0(GFP_KERNEL|__GFP_COMP)", old, "test"));
    assertEquals(
        Gfp.GFP_ATOMIC | Gfp.__GFP_COMP,
        GfpText.parse("0x40a20(GFP_ATOMIC|__GFP_COMP)", null, "test"));
    assertEquals(
        Gfp.GFP_KERNEL | Gfp.__GFP_RECLAIMABLE, GfpText.parse("GFP_TEMPORARY", null, "test"));
    assertEquals(
        Gfp.GFP_KERNEL | Gfp.__GFP_RETRY_MAYFAIL,
        GfpText.parse("GFP_KERNEL|__GFP_REPEAT|__GFP_NOTRACK", null, "test"));
    assertThrows(InputException.class, () -> GfpText.parse("GFP_KERNAL", null, "test"));
    assertThrows(InputException.class, () -> GfpText.parse("99999999999", null, "test"));
  }

  @Test
  void versionsStandInLogs() {
    assertEquals(
        new KernelVersion(6, 1),
        KernelVersion.in("CPU: 0 PID: 0 Comm: x Not tainted 6.1.0-13-amd64 #1"));
    assertEquals(
        new KernelVersion(4, 4),
        KernelVersion.in("CPU: 3 PID: 9 Comm: y Tainted: P           OE   4.4.0-97-generic #120"));
    assertEquals(
        new KernelVersion(5, 10), KernelVersion.in("[    0.000000] Linux version 5.10.0-8-amd64"));
    assertNull(KernelVersion.in("nothing of the kind 5.4"));
  }
}
