// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import io.mm4j.api.process.AddressSpace.VmaUsage;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.HugeMap;
import io.mm4j.process.page.PageKind;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.List;

/** What {@code /proc/PID/maps} and smaps show of one address space (fs/proc/task_mmu.c, 6.18). */
final class MapsView {
  private static final VmaInfo GATE =
      new VmaInfo(
          0xffffffffff600000L,
          0xffffffffff601000L,
          "--xp",
          0,
          "[vsyscall]",
          null,
          List.of("ex"),
          "?");

  private final Mm mm;

  MapsView(Mm mm) {
    this.mm = mm;
  }

  VmaInfo gate(boolean full) {
    return full
        ? GATE
        : new VmaInfo(GATE.start(), GATE.end(), "--xp", 0, "[vsyscall]", null, List.of(), "?");
  }

  VmaInfo info(Vma vma, boolean full) {
    return new VmaInfo(
        vma.start,
        vma.end,
        VmFlags.perms(vma.flags),
        vma.file == null ? 0 : vma.pgoff << 12,
        name(vma),
        vma.file,
        full ? VmFlags.letters(vma.flags) : List.of(),
        full && !isVvar(vma) ? pages(vma) : "?");
  }

  private static boolean isVvar(Vma vma) {
    return vma.special == Vma.Special.VVAR || vma.special == Vma.Special.VVAR_VCLOCK;
  }

  private String name(Vma vma) {
    if (vma.file != null && vma.anonName != null) {
      return "[anon_shmem:" + vma.anonName + "]";
    }
    if (vma.file != null) {
      boolean deleted = vma.backing != null && vma.backing.change().isUnlinked();
      return vma.file.file().name() + (deleted ? " (deleted)" : "");
    }
    return switch (vma.special) {
      case VDSO -> "[vdso]";
      case VVAR -> "[vvar]";
      case VVAR_VCLOCK -> "[vvar_vclock]";
      case NONE -> ordinaryName(vma);
    };
  }

  private String ordinaryName(Vma vma) {
    if (vma.start < mm.brk && vma.end > mm.layout().startBrk()) {
      return "[heap]";
    }
    long stack = mm.layout().startStack();
    String name = vma.anonName == null ? "" : "[anon:" + vma.anonName + "]";
    return vma.start <= stack && vma.end >= stack ? "[stack]" : name;
  }

  /** Pages of the pool of huge pages, which pagemap shows and smaps does not count. */
  private String poolPages(Vma vma) {
    StringBuilder out = new StringBuilder();
    char[] letter = {'.'};
    long[] run = {vma.start, vma.start};
    HugeMap map = mm.huge(vma);
    long size = map.pageBytes();
    for (long at = map.nextMapped(vma.start, vma.end);
        at < vma.end;
        at = map.nextMapped(at + size, vma.end)) {
      long head = map.head(at);
      show(letter(head, mm.isFilePage(vma, at, head)), at, at + size, letter, run, out);
    }
    return ended(vma, letter, run, out);
  }

  private String pages(Vma vma) {
    if (vma.has(VmFlags.HUGETLB)) {
      return poolPages(vma);
    }
    StringBuilder out = new StringBuilder();
    char[] letter = {'.'};
    long[] run = {vma.start, vma.start};
    mm.pages
        .ranges()
        .visit(
            vma.start,
            vma.end,
            (addr, kind, pfn, huge) -> {
              char now =
                  kind == PageTable.GUARD && mm.pages.isPoisonAt(addr)
                      ? 's'
                      : letter(kind, huge ? firstOfHuge(addr, pfn) : pfn, huge);
              show(now, addr, addr + Mm.PAGE, letter, run, out);
            });
    return ended(vma, letter, run, out);
  }

  /** A range has a letter, and nothing is between it and what was shown before. */
  private static void show(
      char now, long start, long end, char[] letter, long[] run, StringBuilder out) {
    if (start != run[1]) {
      switchTo('.', run[1], letter, run, out);
    }
    switchTo(now, start, letter, run, out);
    run[1] = end;
  }

  /** Nothing is behind what was shown. */
  private static String ended(Vma vma, char[] letter, long[] run, StringBuilder out) {
    if (run[1] != vma.end) {
      switchTo('.', run[1], letter, run, out);
    }
    append(out, letter[0], vma.end - run[0]);
    return out.toString();
  }

  /** Whether a huge mapping is exclusive is asked of its first page. */
  private long firstOfHuge(long addr, long pfn) {
    return pfn - ((addr & mm.hugeBytes - 1) >> 12);
  }

  private static void switchTo(char now, long addr, char[] letter, long[] run, StringBuilder out) {
    if (letter[0] != now) {
      append(out, letter[0], addr - run[0]);
      letter[0] = now;
      run[0] = addr;
    }
  }

  private static void append(StringBuilder out, char letter, long bytes) {
    if (bytes > 0) {
      out.append(out.isEmpty() ? "" : ",").append(letter).append(bytes >> 12);
    }
  }

  private char letter(int kind, long pfn, boolean huge) {
    if (kind == PageTable.GUARD) {
      return 'g';
    }
    if (kind == PageTable.NOTHING) {
      return 's'; // a marker of userfaultfd, which pagemap shows as swapped
    }
    if (kind == PageTable.ZERO) {
      return huge ? 'Z' : 'z';
    }
    return letter(pfn, !mm.context.frames().isAnon(pfn));
  }

  private char letter(long pfn, boolean ofFile) {
    boolean once = mm.context.frames().mapCount(pfn) == 1;
    return ofFile ? (once ? 'F' : 'f') : (once ? 'A' : 'a');
  }

  VmaUsage usage(Vma vma) {
    if (vma.has(VmFlags.HUGETLB)) {
      return new VmaUsage(0, 0, 0, 0); // smaps counts them apart
    }
    Frames frames = mm.context.frames();
    long[] sums = new long[4];
    mm.pages
        .ranges()
        .visit(
            vma.start,
            vma.end,
            (addr, kind, pfn, huge) -> {
              if (kind == PageTable.PAGE) {
                boolean anon = frames.kind(pfn) == PageKind.ANON;
                sums[0] += 4;
                sums[1] += anon ? 4 : 0;
                sums[2] += (4096L << 12) / frames.mapCount(pfn);
                sums[3] += huge && anon ? 4 : 0;
              }
            });
    long locked = vma.has(VmFlags.LOCKED) ? sums[2] >> 22 : 0;
    return new VmaUsage(sums[0], sums[1], locked, sums[3]);
  }
}
