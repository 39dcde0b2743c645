// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import io.mm4j.api.pagetable.PageTableFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the manuals say of the four formats of x86 (Intel SDM volume 3A, sections 4.3 to 4.5; AMD
 * APM volume 2, section 5.3) and what Linux 6.18 does with the rest, as numbers that are written
 * out here and taken from nowhere else.
 */
final class Manual {
  private Manual() {}

  /** Why a format cannot be compared, or null. */
  static @Nullable String missing(PageTableFormat format) {
    return switch (format.name()) {
      case "x86-64", "la57", "x86-32", "x86-pae" -> null;
      default -> "the kit knows the manual of x86-64, la57, x86-32 and x86-pae only";
    };
  }

  private static boolean isLong(String name) {
    return name.equals("x86-64") || name.equals("la57");
  }

  /** Levels and widths. */
  static Map<String, Long> shape(String name) {
    return switch (name) {
      case "x86-64" -> shape(4, 8, 9, 512, 48, 0xe);
      case "la57" -> shape(5, 8, 9, 512, 57, 0xe);
      case "x86-32" -> shape(2, 4, 10, 1024, 32, 0x6);
      default -> shape(3, 8, 9, 4, 32, 0x6);
    };
  }

  private static Map<String, Long> shape(
      long levels, long bytes, long indexBits, long top, long addressBits, long leafs) {
    Map<String, Long> map = new LinkedHashMap<>();
    map.put("levels", levels);
    map.put("entryBytes", bytes);
    map.put("indexBits", indexBits);
    map.put("topEntries", top);
    map.put("addressBits", addressBits);
    map.put("leafLevels", leafs);
    return map;
  }

  /** What the hardware reads. */
  static Map<String, Long> hardware(String name) {
    Map<String, Long> map = new LinkedHashMap<>();
    map.put("present", 0x001L);
    map.put("write", 0x002L);
    map.put("user", 0x004L);
    map.put("writeThrough", 0x008L);
    map.put("cacheDisable", 0x010L);
    map.put("accessed", 0x020L);
    map.put("dirty", 0x040L);
    map.put("pageSize", 0x080L);
    map.put("global", 0x100L);
    map.put("pat", 0x080L);
    map.put("patLarge", 0x1000L);
    boolean narrow = name.equals("x86-32");
    map.put("noExec", narrow ? 0 : 0x8000_0000_0000_0000L);
    map.put("protectionKey", isLong(name) ? 0x7800_0000_0000_0000L : 0);
    map.put("frame", narrow ? 0xffff_f000L : 0x000f_ffff_ffff_f000L);
    map.put("table", 0x067L);
    map.put("topTable", name.equals("x86-pae") ? 0x001L : 0x067L);
    return map;
  }

  /** What Linux keeps in bits that the hardware leaves alone. */
  static Map<String, Long> software(String name) {
    Map<String, Long> map = new LinkedHashMap<>();
    boolean wide = isLong(name);
    boolean narrow = name.equals("x86-32");
    map.put("protNone", 0x100L);
    map.put("special", 0x200L);
    map.put("uffdWp", wide ? 0x400L : 0);
    map.put("softDirty", wide ? 0x800L : 0);
    map.put("savedDirty", wide ? 0x0400_0000_0000_0000L : 0x400L);
    map.put("stray", narrow ? 0 : 0x060L);
    map.put("inverted", narrow ? 0 : 0x000f_ffff_ffff_f000L);
    map.put("swp exclusive", wide ? 0x008L : 0x080L);
    map.put("swp softDirty", wide ? 0x002L : 0);
    map.put("swp uffdWp", wide ? 0x004L : 0);
    return map;
  }

  /** Where Linux divides the addresses. */
  static Map<String, Long> kernel(String name) {
    return switch (name) {
      case "x86-64" ->
          kernel(
              0x0000_7fff_ffff_f000L,
              0xffff_8000_0000_0000L,
              0xffff_8880_0000_0000L,
              0xffff_c900_0000_0000L,
              0xffff_e900_0000_0000L);
      case "la57" ->
          kernel(
              0x00ff_ffff_ffff_f000L,
              0xff00_0000_0000_0000L,
              0xff11_0000_0000_0000L,
              0xffa0_0000_0000_0000L,
              0xffd2_0000_0000_0000L);
      default -> kernel(0xc000_0000L, 0xc000_0000L, 0xc000_0000L, 0xc000_0000L, 0xc000_0000L);
    };
  }

  private static Map<String, Long> kernel(
      long userEnd, long start, long directMap, long filledStart, long filledEnd) {
    Map<String, Long> map = new LinkedHashMap<>();
    map.put("userEnd", userEnd);
    map.put("start", start);
    map.put("directMap", directMap);
    map.put("filledStart", filledStart);
    map.put("filledEnd", filledEnd);
    return map;
  }

  /** {@code PAGE_NONE}, {@code PAGE_READONLY} ... {@code PAGE_KERNEL_EXEC} of frame 0x12345. */
  static Map<String, Long> protections(String name) {
    Map<String, Long> map = new LinkedHashMap<>();
    boolean narrow = name.equals("x86-32");
    long nx = narrow ? 0 : 0x8000_0000_0000_0000L;
    map.put("PAGE_NONE", narrow ? 0x1234_5120L : 0x000f_ffff_edcb_a120L);
    map.put("PAGE_READONLY", 0x1234_5025L | nx);
    map.put("PAGE_READONLY_EXEC", 0x1234_5025L);
    map.put("PAGE_SHARED", 0x1234_5027L | nx);
    map.put("PAGE_SHARED_EXEC", 0x1234_5027L);
    map.put("PAGE_KERNEL", 0x1234_5163L | nx);
    map.put("PAGE_KERNEL_EXEC", 0x1234_5163L);
    map.put("PAGE_KERNEL_RO", 0x1234_5121L | nx);
    map.put("PAGE_KERNEL_ROX", 0x1234_5121L);
    return map;
  }

  /** Absent entries: swap file 1 slot 0x12345, the guard marker, migration of frame 0x12345. */
  static Map<String, Long> absent(String name) {
    Map<String, Long> map = new LinkedHashMap<>();
    boolean narrow = name.equals("x86-32");
    map.put("swap 1 0x12345", narrow ? 0x0246_8a02L : 0x0fff_ffff_fdb9_7400L);
    map.put("swap 0 0", narrow ? 0x0000_0000L : 0x07ff_ffff_ffff_fe00L);
    map.put("guard", narrow ? 0x0000_083eL : 0xffff_ffff_ffff_f600L);
    map.put("largest offset", narrow ? 0x7f_ffffL : isLong(name) ? (1L << 50) - 1 : (1L << 26) - 1);
    map.put("migration write 0x12345", narrow ? 0x0246_8a36L : 0xdfff_ffff_fdb9_7400L);
    return map;
  }
}
