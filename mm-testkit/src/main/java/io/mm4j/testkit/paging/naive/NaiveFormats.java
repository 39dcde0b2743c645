// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.naive;

import io.mm4j.api.pagetable.AbsentBits;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.KernelHalf;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTableFormatProvider;
import io.mm4j.api.pagetable.TableShape;
import io.mm4j.api.plugin.Options;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * The formats of x86 as the manuals count their bits (Intel SDM volume 3A, tables 4-4 to 4-20) and
 * Linux uses the rest; or something made from one of them.
 */
public final class NaiveFormats implements PageTableFormatProvider {
  private final String name;
  private final PageTableFormat format;

  /** The format x86-64. */
  public NaiveFormats() {
    this("naive", "x86-64", f -> f);
  }

  /** Another one, which need not be right. */
  public NaiveFormats(String name, String format, UnaryOperator<PageTableFormat> change) {
    this.name = name;
    this.format = change.apply(format(format));
  }

  /** All of them. */
  public static List<PageTableFormat> all() {
    return List.of(format("x86-64"), format("la57"), format("x86-32"), format("x86-pae"));
  }

  /** The format of this name. */
  public static PageTableFormat format(String name) {
    return switch (name) {
      case "x86-64" ->
          new PageTableFormat(
              name,
              new TableShape(4, 8, 9, 512, 48, 0b1110),
              bits(52, 63, 0xfL << 59, 10, 11, 58, bit(5) | bit(6), 0x67),
              new AbsentBits(59, 9, from(9, 58), from(9, 58), from(0, 49), bit(3), bit(1), bit(2)),
              new KernelHalf(
                  bit(47) - 4096,
                  -bit(47),
                  0xffff_8880L << 32,
                  0xffff_c900L << 32,
                  0xffff_e900L << 32));
      case "la57" ->
          new PageTableFormat(
              name,
              new TableShape(5, 8, 9, 512, 57, 0b1110),
              bits(52, 63, 0xfL << 59, 10, 11, 58, bit(5) | bit(6), 0x67),
              new AbsentBits(59, 9, from(9, 58), from(9, 58), from(0, 49), bit(3), bit(1), bit(2)),
              new KernelHalf(
                  bit(56) - 4096,
                  -bit(56),
                  0xff11_0000L << 32,
                  0xffa0_0000L << 32,
                  0xffd2_0000L << 32));
      case "x86-32" ->
          new PageTableFormat(
              name,
              new TableShape(2, 4, 10, 1024, 32, 0b110),
              bits(32, -1, 0, -1, -1, 10, 0, 0x67),
              new AbsentBits(1, 9, from(9, 31), 0, from(0, 22), bit(7), 0, 0),
              new KernelHalf(3L << 30, 3L << 30, 3L << 30, 3L << 30, 3L << 30));
      case "x86-pae" ->
          new PageTableFormat(
              name,
              new TableShape(3, 8, 9, 4, 32, 0b110),
              bits(52, 63, 0, -1, -1, 10, bit(5) | bit(6), 1),
              new AbsentBits(59, 9, from(9, 58), from(9, 58), from(0, 25), bit(7), 0, 0),
              new KernelHalf(3L << 30, 3L << 30, 3L << 30, 3L << 30, 3L << 30));
      default -> throw new IllegalArgumentException("format=" + name);
    };
  }

  /** A bit by its number; nothing for -1. */
  private static long bit(int number) {
    return number < 0 ? 0 : 1L << number;
  }

  /** Bits from one to another, both included. */
  private static long from(int low, int high) {
    return (-1L << low) & (-1L >>> (63 - high));
  }

  private static EntryBits bits(
      int physical,
      int noExec,
      long keys,
      int uffdWp,
      int softDirty,
      int savedDirty,
      long stray,
      long top) {
    long frame = from(12, physical - 1);
    return new EntryBits(
        bit(0),
        bit(1),
        bit(2),
        bit(3),
        bit(4),
        bit(5),
        bit(6),
        bit(7),
        bit(8),
        bit(7),
        bit(12),
        bit(noExec),
        keys,
        frame,
        bit(8),
        bit(9),
        bit(uffdWp),
        bit(softDirty),
        bit(savedDirty),
        stray,
        physical == 32 ? 0 : frame,
        0x67,
        top);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String summary() {
    return "written from the manual, for tests";
  }

  @Override
  public PageTableFormat create(Options options) {
    return format;
  }
}
