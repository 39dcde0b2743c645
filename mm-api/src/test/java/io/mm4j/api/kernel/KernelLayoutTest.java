// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Architecture;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Layouts as boot logs of real kernels print them. */
class KernelLayoutTest {
  private static final long NONE = LowMemory.NOT_GIVEN;

  /** RAM in pages; then what the log says: high_memory, vmalloc, pkmap. */
  @ParameterizedTest
  @CsvSource({
    // 512 MiB without high memory, 2.6.2x
    "X86_32_24, 0x1fff0, 0xdfff0000, 0xe0800000, 0xff7fe000, 0xff800000, 0xffc00000",
    // 2 GiB, 2.6.3x and 3.x
    "X86_32, 0x7fff0, 0xf77fe000, 0xf7ffe000, 0xff7fe000, 0xff800000, 0xffc00000",
    // the same with PAE, and more RAM
    "X86_PAE, 0x7fff0, 0xf77fe000, 0xf7ffe000, 0xff7fe000, 0xff800000, 0xffa00000",
    "X86_PAE, 0x400000, 0xf77fe000, 0xf7ffe000, 0xff7fe000, 0xff800000, 0xffa00000",
    // 2 GiB, 2.6.2x
    "X86_32_24, 0x7fff0, 0xf8000000, 0xf8800000, 0xff7fe000, 0xff800000, 0xffc00000",
    // one page below and above the border
    "X86_32, 0x377fd, 0xf77fd000, 0xf7ffd000, 0xff7fe000, 0xff800000, 0xffc00000",
    "X86_32, 0x377ff, 0xf77fe000, 0xf7ffe000, 0xff7fe000, 0xff800000, 0xffc00000"
  })
  void bootLogs(
      Architecture arch,
      String ram,
      String high,
      String from,
      String to,
      String pkmap,
      String end) {
    KernelForm form = KernelForm.of(arch);
    LowMemory low = LowMemory.of(arch, form, Long.decode(ram), NONE, NONE);
    KernelLayout layout = KernelLayout.of(arch, 32, form, low.lowPfn());
    assertEquals(Long.decode(high), layout.highMemory());
    assertEquals(Long.decode(from), layout.vmallocStart());
    assertEquals(Long.decode(to), layout.vmallocEnd());
    KernelRegion area = layout.region("pkmap").orElseThrow();
    assertEquals(Long.decode(pkmap), area.start());
    assertEquals(Long.decode(end), area.last() + 1);
    assertEquals(0xffff_f000L, layout.region("fixmap").orElseThrow().last() + 1);
    assertTrue(layout.find(layout.vmallocStart() - 1).orElseThrow().hole(), "the gap");
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void regionsFollowEachOther(Architecture arch) {
    for (int bits : arch.is64Bit() ? new int[] {48, 57} : new int[] {32}) {
      List<KernelRegion> regions =
          KernelLayout.of(arch, bits, KernelForm.of(arch), 0x20000).regions();
      long next = 0;
      for (KernelRegion region : regions) {
        assertEquals(next, region.start(), region.toString());
        next = region.last() + 1;
      }
      assertEquals(bits == 32 ? 1L << 32 : 0, next);
    }
  }

  @Test
  void parametersMoveTheBorder() {
    KernelForm form = KernelForm.of(Architecture.X86_32);
    LowMemory low = LowMemory.of(Architecture.X86_32, form, 0x80000, 256 << 20, NONE);
    assertEquals(0xeeffe, low.lowPfn() + 0xc0000);
    KernelLayout layout = KernelLayout.of(Architecture.X86_32, 32, form, low.lowPfn());
    assertEquals(256L << 20, layout.vmallocEnd() - layout.vmallocStart());
    LowMemory some = LowMemory.of(Architecture.X86_32, form, 0x20000, NONE, 128 << 20);
    assertEquals(0x18000, some.lowPfn());
    assertEquals(0x20000, some.endPfn());
    LowMemory less = LowMemory.of(Architecture.X86_32, form, 0x80000, NONE, 64 << 20);
    assertEquals(0x377fe + 0x4000, less.endPfn());
    LowMemory more = LowMemory.of(Architecture.X86_32, form, 0x40000, NONE, 1L << 30);
    assertEquals(0x377fe, more.lowPfn());
    assertFalse(more.notes().isEmpty());
    assertThrows(
        InputException.class,
        () -> LowMemory.of(Architecture.X86_32, form, 0x80000, 1000L << 20, NONE));
  }

  @Test
  void withoutHighmemTheVmallocAreaEndsBelowTheFixmap() {
    KernelForm form = KernelForm.of(Architecture.X86_32).withoutHighmem();
    KernelLayout layout = KernelLayout.of(Architecture.X86_32, 32, form, 0x20000);
    assertEquals(0xfff1_6000L - 0x2000, layout.vmallocEnd());
    assertTrue(layout.region("pkmap").isEmpty());
    assertThrows(
        InputException.class, () -> KernelForm.of(Architecture.X86_32).withPkmap(0xffd0_0000L));
  }

  @Test
  void x8664IsAsDocumented() {
    KernelForm form = KernelForm.of(Architecture.X86_64);
    KernelLayout four = KernelLayout.of(Architecture.X86_64, 48, form, 0x100000);
    assertEquals(0xffff_c900_0000_0000L, four.vmallocStart());
    assertEquals(0xffff_e900_0000_0000L, four.vmallocEnd());
    assertEquals(34_359_738_367L, four.vmallocTotalKb());
    assertEquals("vmemmap", four.find(0xffff_ea00_0000_1000L).orElseThrow().name());
    KernelLayout five = KernelLayout.of(Architecture.X86_64, 57, form, 0x100000);
    assertEquals(0xffa0_0000_0000_0000L, five.vmallocStart());
    assertEquals("direct map", five.find(0xff11_0000_0000_0000L).orElseThrow().name());
  }
}
