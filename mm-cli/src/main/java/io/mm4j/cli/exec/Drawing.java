// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.exec;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.VmaInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Drawings to scale: the whole address space in rows of equal size, and each VMA in a line whose
 * letters are pages, or equally many of them: touched or not.
 */
final class Drawing {
  private static final int ROWS = 64;
  private static final int COLUMNS = 60;
  private static final int PAGE_SHIFT = 12;

  private Drawing() {}

  /** All addresses from the highest to the lowest. */
  static String space(List<Area> areas, long taskSize, boolean is64) {
    StringBuilder text = new StringBuilder();
    long all = is64 ? taskSize + 4096 : 1L << 32;
    long row = all / ROWS;
    text.append(
        String.format(
            Locale.ROOT,
            is64
                ? "user space to 0x%3$x, %1$s, each row %2$s (the kernel's half, as large, is"
                    + " above)%n"
                : "all %1$s, each row %2$s: user space below 0x%3$x, the kernel's above%n",
            Sizes.of(all),
            Sizes.of(row),
            taskSize));
    String gap = "";
    for (int i = ROWS - 1; i >= 0; i--) {
      long start = i * row;
      long end = start + row;
      List<String> here = new ArrayList<>();
      boolean inside = false;
      for (Area area : areas.reversed()) {
        boolean kernel = area.name().equals("kernel");
        if (is64 && kernel) {
          continue;
        }
        if (area.start() >= start && area.start() < end) {
          here.add(area.name() + " " + Sizes.of(area.bytes()));
        }
        inside |= area.start() < end && area.end() > start;
      }
      boolean blank = here.isEmpty() && !inside;
      if (!blank || gap.isEmpty()) {
        text.append(
            String.format(
                    Locale.ROOT,
                    is64 ? "  %012x |%s| %s" : "  %08x |%s| %s",
                    start,
                    inside ? "######" : "      ",
                    shortened(here))
                .stripTrailing());
        text.append('\n');
      } else if (gap.equals("first")) {
        text.append(is64 ? "           ... |      |\n" : "       ... |      |\n");
      }
      gap = blank ? (gap.isEmpty() ? "first" : "more") : "";
    }
    return text.toString();
  }

  /** Neighbours of one name become one entry. */
  private static String shortened(List<String> names) {
    List<String> out = new ArrayList<>();
    for (String name : names) {
      if (out.size() < 6 || out.size() == names.size() - 1) {
        out.add(name);
      }
    }
    int left = names.size() - out.size();
    return String.join(", ", out) + (left > 0 ? " and " + left + " more" : "");
  }

  /** Each VMA: touched pages against the whole, one scale for all up to the width of a line. */
  static String pages(AddressSpace mm, java.util.function.Function<VmaInfo, String> names) {
    List<VmaInfo> vmas = new ArrayList<>();
    mm.forEachVma(
        v -> {
          if (v.start() >= 0) {
            vmas.add(v);
          }
        });
    long most = vmas.stream().mapToLong(v -> v.bytes() >> PAGE_SHIFT).max().orElse(1);
    long scale = Math.max(1, (most + COLUMNS - 1) / COLUMNS);
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "pages of each area, a letter for %s: # touched, . not%n",
            scale == 1 ? "each" : scale + " pages, # if one of them is"));
    for (VmaInfo vma : vmas) {
      boolean[] touched = touched(vma);
      StringBuilder bar = new StringBuilder();
      for (int from = 0; from < touched.length; from += (int) scale) {
        boolean any = false;
        for (int i = from; i < Math.min(touched.length, from + scale); i++) {
          any |= touched[i];
        }
        bar.append(any ? '#' : '.');
      }
      text.append(
          String.format(
              Locale.ROOT,
              "  %12x %-14s %s|%s|%n",
              vma.start(),
              names.apply(vma),
              vma.perms(),
              bar));
    }
    return text.toString();
  }

  /** Which pages are there: the run lengths of a VMA. */
  static boolean[] touched(VmaInfo vma) {
    boolean[] out = new boolean[(int) Math.min(1 << 20, vma.bytes() >> PAGE_SHIFT)];
    if (vma.pages().isEmpty() || vma.pages().equals("?")) {
      return out;
    }
    int at = 0;
    for (String run : vma.pages().split(",", -1)) {
      long count = Long.parseLong(run.substring(1));
      for (long i = 0; i < count && at < out.length; i++) {
        out[at++] = run.charAt(0) != '.' && run.charAt(0) != 'g';
      }
    }
    return out;
  }

  /** Sizes in the largest unit that loses little. */
  static final class Sizes {
    private static final String[] UNITS = {"B", "K", "M", "G", "T", "P"};

    private Sizes() {}

    static String of(long bytes) {
      int unit = 0;
      double value = bytes < 0 ? Math.scalb(1.0, 64) : bytes;
      while (value >= 1024 && unit < UNITS.length - 1) {
        value /= 1024;
        unit++;
      }
      boolean whole = Math.abs(value - Math.rint(value)) < 0.05;
      return String.format(Locale.ROOT, whole ? "%.0f%s" : "%.1f%s", value, UNITS[unit]);
    }
  }
}
