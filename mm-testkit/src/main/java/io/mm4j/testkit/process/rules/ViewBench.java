// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.InputException;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MemSizeStats;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Processes with huge pages, files and shared memory. What smaps, the letters of maps and
 * PAGEMAP_SCAN say is compared with a count over the pagemaps of all of them.
 */
class ViewBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = 1L << 21;
  private static final int SPOTS = 12;
  private static final int MOST_PROCESSES = 3;

  /** The last type of swap entries, and bit 2 of what stands for an offset (as Linux shows it). */
  private static final long GUARD_MARK = 31 | 4 << 5;

  private static final int[] ADVICE = {
    Uapi.MADV_DONTNEED,
    Uapi.MADV_DONTNEED,
    Uapi.MADV_HUGEPAGE,
    Uapi.MADV_NOHUGEPAGE,
    Uapi.MADV_COLLAPSE,
    Uapi.MADV_GUARD_INSTALL,
    Uapi.MADV_GUARD_REMOVE
  };

  final List<AddressSpace> processes = new ArrayList<>();

  private final FrameAudit audit = new FrameAudit();
  private Seeded looks;

  /** What the last step was about: to be looked at more closely. */
  private Runnable closer = () -> {};

  ViewBench(ProcessFloor floor, Seeded random) {
    super(floor);
    CaseSetup setup = new CaseSetup();
    setup.thp = ThpMode.ALWAYS;
    processes.add(setup.create(floor));
    looks = random;
    long _ = floor.resizeHugePool(HUGE, 4);
    if (random.oneIn(2)) {
      try {
        floor.kernelOption("soft-dirty", "true");
      } catch (InputException e) {
        // a floor without that option tracks nothing
      }
    }
  }

  @Override
  public void validate() {
    processes.forEach(AddressSpace::validate);
  }

  // ---------------------------------------------------------------- steps

  @Override
  void step(Seeded random) {
    closer = () -> {};
    looks = random;
    int which = random.below(processes.size());
    AddressSpace mm = processes.get(which);
    switch (random.weighted(5, 1, 6, 4, 3, 1, 1, 1, 1, 1)) {
      case 0 -> map(mm, random);
      case 1 -> {
        long _ = mm.munmap(A + random.below(SPOTS) * (HUGE / 2), random.between(1, 700) * PAGE);
      }
      case 2 -> touch(mm, random, true);
      case 3 -> touch(mm, random, false);
      case 4 ->
          within(mm, random, (at, len) -> mm.madvise(at, len, ADVICE[random.below(ADVICE.length)]));
      case 5 -> within(mm, random, (at, len) -> mm.mprotect(at, len, random.oneIn(3) ? 1 : RW));
      case 6 ->
          within(
              mm, random, (at, len) -> random.oneIn(2) ? mm.mlock(at, len) : mm.munlock(at, len));
      case 7 -> bearOrEnd(which, mm);
      case 8 -> clear(mm, random.between(1, 4));
      default ->
          within(
              mm,
              random,
              (at, len) -> mm.mremap(at, len, len, 3, A + random.below(SPOTS) * (HUGE / 2)));
    }
  }

  private interface Call {
    long make(long at, long len);
  }

  /** A call about a part of a VMA, or about all of it; what it answers is judged elsewhere. */
  private static void within(AddressSpace mm, Seeded random, Call call) {
    VmaInfo vma = some(mm, random);
    if (vma != null) {
      long pages = vma.bytes() / PAGE;
      long first = random.oneIn(2) ? 0 : random.below(pages);
      long most = pages - first;
      long n = random.oneIn(2) ? most : 1 + random.below(Math.min(most, 600));
      long _ = call.make(vma.start() + first * PAGE, n * PAGE);
    }
  }

  private static @Nullable VmaInfo some(AddressSpace mm, Seeded random) {
    List<VmaInfo> all = vmas(mm).stream().filter(vma -> vma.start() >= A).toList();
    return all.isEmpty() ? null : all.get(random.below(all.size()));
  }

  private static List<VmaInfo> vmas(AddressSpace mm) {
    return View.of(mm).vmas().stream().filter(v -> v.start() >= 0).toList();
  }

  private static void map(AddressSpace mm, Seeded random) {
    int kind = random.weighted(5, 1, 1, 1, 1, 2, 1);
    long at = A + random.below(SPOTS) * (HUGE / 2);
    long len = random.oneIn(2) ? random.between(1, 40) * PAGE : random.between(500, 1100) * PAGE;
    long flags =
        switch (kind) {
          case 0, 5 -> 0x32;
          case 1, 6 -> 0x31;
          case 3 -> 0x12;
          default -> 0x11;
        };
    long fd =
        switch (kind) {
          case 2, 3 -> CaseSetup.DISK;
          case 4 -> CaseSetup.TMPFS;
          default -> -1;
        };
    if (kind > 4) {
      flags |= Uapi.MAP_HUGETLB;
      at &= -HUGE;
      len = HUGE * random.between(1, 2);
    }
    long _ = mm.mmap(at, len, RW, flags, fd, 0);
  }

  private void touch(AddressSpace mm, Seeded random, boolean write) {
    VmaInfo vma = some(mm, random);
    if (vma == null) {
      return;
    }
    long at = vma.start() + random.below(vma.bytes() / PAGE) * PAGE;
    boolean ok = (write ? mm.write(at, 7) : mm.read(at)).ok();
    if (ok && !vma.flags().contains("ht")) {
      closer = () -> used(mm, vma, at, write);
    }
  }

  /** A page that was just touched is referenced, and dirty if it was written to. */
  private static void used(AddressSpace mm, VmaInfo vma, long at, boolean write) {
    long entry = entries(mm, at, at + PAGE).getOrDefault(at, 0L);
    check(entry < 0, "a page at " + hex(at), "none");
    boolean zero = (category(mm, at) & PagemapScan.PFNZERO) != 0;
    MemSizeStats sizes = mm.sizes(vma.start());
    check(zero || sizes.referenced() >= PAGE, "Referenced after a touch at " + hex(at), "0");
    if (write) {
      check(!zero, "no zero page after a write at " + hex(at), "the zero page");
      check(
          sizes.privateDirty() + sizes.sharedDirty() >= PAGE,
          "a dirty page after a write at " + hex(at),
          sizes.toString());
    }
  }

  private static long category(AddressSpace mm, long at) {
    long[] found = new long[1];
    mm.pagemapScan(PagemapScan.of(at, at + PAGE, 0))
        .regions()
        .forEach(region -> found[0] = region.categories());
    return found[0];
  }

  private void bearOrEnd(int which, AddressSpace mm) {
    if (processes.size() == MOST_PROCESSES) {
      Floors.unload();
      processes.remove(which);
      mm.exit();
    } else {
      AddressSpace child = mm.fork();
      check(child != null, "a child", "none");
      processes.add(Objects.requireNonNull(child));
    }
  }

  /** clear_refs: no entry of what it is about says any more that it was used or written. */
  private void clear(AddressSpace mm, int type) {
    checkEqual(0, mm.clearRefs(type), "clear_refs " + type);
    closer =
        () -> {
          for (VmaInfo vma : vmas(mm)) {
            boolean file = vma.file() != null;
            if (type == 1 || (type == 2 && !file) || (type == 3 && file)) {
              checkEqual(0, mm.sizes(vma.start()).referenced(), "Referenced " + View.line(vma));
            }
            long soft =
                entries(mm, vma.start(), vma.end()).values().stream()
                    .filter(entry -> (entry & Pagemap.SOFT_DIRTY) != 0)
                    .count();
            check(type != 4 || soft == 0, "nothing soft-dirty " + View.line(vma), soft + " pages");
          }
        };
  }

  // ---------------------------------------------------------------- what must agree

  @Override
  void holds() {
    audit.fresh();
    closer.run();
    audit.holds(processes);
    AddressSpace one = processes.get(looks.below(processes.size()));
    audit.translates(one, looks, A, SPOTS * (HUGE / 2));
    Map<Long, Integer> mapped = new HashMap<>();
    for (AddressSpace mm : processes) {
      mm.pagemap(
          0,
          SpaceSetup.TASK_SIZE,
          (at, entry) -> {
            if (entry < 0) {
              int _ = mapped.merge(Pagemap.pfn(entry), 1, Integer::sum);
            }
          });
    }
    for (AddressSpace mm : processes) {
      MmFields.Users users = mm.fields().users();
      check(
          users.equals(new MmFields.Users(1, 1, 0, false, false, 0, true)),
          "one user, and nothing locked or swapped",
          users.toString());
      long resident = 0;
      for (VmaInfo vma : vmas(mm)) {
        resident += new Judged(mm, vma, mapped).resident();
      }
      checkEqual(resident / PAGE, mm.fields().rssPages(), "rss, of what the VMAs have");
    }
  }

  private static Map<Long, Long> entries(AddressSpace mm, long start, long end) {
    Map<Long, Long> entries = new HashMap<>();
    mm.pagemap(
        start,
        end,
        (at, entry) -> {
          check(start <= at && at < end, () -> "entries of the range only", () -> hex(at));
          check(
              entries.put(at, entry) == null,
              () -> "one entry of a page",
              () -> "two at " + hex(at));
        });
    return entries;
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  /** One VMA. */
  private final class Judged {
    private final AddressSpace mm;
    private final VmaInfo vma;
    private final boolean pool;
    private final boolean shared;
    private final boolean softDirty;

    /** Of each page: its entry, 0 if there is none, what PAGEMAP_SCAN says, and who maps it. */
    private final long[] entries;

    private final long[] categories;
    private final int[] counts;

    Judged(AddressSpace mm, VmaInfo vma, Map<Long, Integer> mapped) {
      this.mm = mm;
      this.vma = vma;
      pool = vma.flags().contains("ht");
      shared = vma.flags().contains("sh");
      softDirty = vma.flags().contains("sd");
      int pages = (int) (vma.bytes() / PAGE);
      entries = new long[pages];
      categories = new long[pages];
      counts = new int[pages];
      mm.pagemap(
          vma.start(),
          vma.end(),
          (at, entry) -> {
            isOfVma(at);
            check(entries[page(at)] == 0, () -> "one entry of a page", () -> "two at " + hex(at));
            entries[page(at)] = entry;
            counts[page(at)] = entry == 0 ? 0 : mapped.getOrDefault(Pagemap.pfn(entry), 0);
          });
      for (PagemapScan.Region region :
          mm.pagemapScan(PagemapScan.of(vma.start(), vma.end(), 0)).regions()) {
        isOfVma(region.start());
        isOfVma(region.end() - PAGE);
        Arrays.fill(categories, page(region.start()), page(region.end()), region.categories());
      }
    }

    private void isOfVma(long at) {
      check(vma.start() <= at && at < vma.end(), () -> "pages of the range only", () -> hex(at));
    }

    private int page(long at) {
      return (int) ((at - vma.start()) / PAGE);
    }

    private long entry(long at) {
      return entries[page(at)];
    }

    private boolean is(long at, long category) {
      return (categories[page(at)] & category) != 0;
    }

    /** By how many entries the page is mapped. */
    private int count(long at) {
      return at < vma.start() ? 0 : counts[page(at)];
    }

    /** Checks everything; bytes that count for the process. */
    long resident() {
      part();
      StringBuilder letters = new StringBuilder();
      for (long at = vma.start(); at < vma.end(); at += PAGE) {
        bits(at);
        letters.append(letter(at));
      }
      String seen = vma.pages();
      String wanted = Letters.runs(letters);
      check(seen.equals(wanted), wanted + " of " + View.line(vma), seen);
      eligible();
      return pool ? ofPool() : sums();
    }

    /** A part of pagemap is that part of the whole, wherever it begins. */
    private void part() {
      long from = vma.start() + (vma.bytes() / PAGE / 3) * PAGE;
      long to = vma.end() - (vma.bytes() / PAGE / 4) * PAGE;
      Map<Long, Long> part = entries(mm, from, to);
      part.forEach(
          (at, entry) ->
              check(
                  entry == entry(at),
                  () -> Pagemap.words(entry(at)) + " at " + hex(at) + ", where a part begins too",
                  () -> Pagemap.words(entry).toString()));
      checkEqual(
          Arrays.stream(entries, page(from), page(to)).filter(entry -> entry != 0).count(),
          part.size(),
          "entries of a part of " + View.line(vma));
    }

    /** pagemap and PAGEMAP_SCAN say the same of a page. */
    private void bits(long at) {
      long entry = entry(at);
      long pfn = Pagemap.pfn(entry);
      same(at, "present", entry < 0, is(at, PagemapScan.PRESENT));
      same(at, "guard", (entry & Pagemap.GUARD_REGION) != 0, is(at, PagemapScan.GUARD));
      check(
          pfn < 0 || Floors.isInHighestZone(pfn),
          () -> "a frame of the highest zone",
          () -> hex(pfn));
      check(
          !is(at, PagemapScan.GUARD) || (entry & Pagemap.PFRAME) == GUARD_MARK,
          () -> "the marker of a guard at " + hex(at),
          () -> Pagemap.words(entry).toString());
      same(at, "swap", (entry & Pagemap.SWAP) != 0, is(at, PagemapScan.SWAPPED));
      same(at, "file", (entry & Pagemap.FILE) != 0, is(at, PagemapScan.FILE));
      boolean soft = (entry & Pagemap.SOFT_DIRTY) != 0;
      // Of pages of the pool pagemap says only what the VMA says.
      same(at, "soft-dirty", soft, pool ? softDirty : is(at, PagemapScan.SOFT_DIRTY));
      same(at, "zero page", pfn >= 0 && floor.isZeroPage(pfn), is(at, PagemapScan.PFNZERO));
      check(soft || !softDirty, () -> "soft-dirty, as its VMA, " + hex(at), () -> "not");
      boolean page = pfn >= 0 && !is(at, PagemapScan.PFNZERO);
      same(
          at,
          "exclusive",
          (entry & Pagemap.MMAP_EXCLUSIVE) != 0,
          page && count(is(at, PagemapScan.HUGE) ? at & -HUGE : at) == 1);
      check(
          pfn < 0 || (pfn & 511) == (at >> 12 & 511) || !is(at, PagemapScan.HUGE),
          () -> "a huge page whose frames lie as its addresses do, " + hex(at),
          () -> hex(pfn));
      check(
          !shared || pfn < 0 || (entry & Pagemap.FILE) != 0,
          () -> "shared memory as that of a file, " + hex(at),
          () -> Pagemap.words(entry).toString());
    }

    private void same(long at, String what, boolean pagemap, boolean other) {
      check(
          pagemap == other,
          () -> what + "=" + other + " in pagemap at " + hex(at) + " of " + View.line(vma),
          () -> "" + pagemap);
    }

    private char letter(long at) {
      if (is(at, PagemapScan.GUARD)) {
        return 'g';
      }
      if (entry(at) >= 0) {
        return '.';
      }
      boolean huge = is(at, PagemapScan.HUGE);
      if (is(at, PagemapScan.PFNZERO)) {
        return huge ? 'Z' : 'z';
      }
      boolean once = count(huge ? at & -HUGE : at) == 1;
      boolean file = (entry(at) & Pagemap.FILE) != 0;
      return file ? (once ? 'F' : 'f') : (once ? 'A' : 'a');
    }

    private long sums() {
      long[] pss = new long[2]; // anonymous, of files
      long[] bytes = new long[3]; // anonymous, shared, private
      long[] huge = new long[2];
      for (long at = vma.start(); at < vma.end(); at += PAGE) {
        if (entry(at) < 0 && !is(at, PagemapScan.PFNZERO)) {
          int kind = is(at, PagemapScan.FILE) ? 1 : 0;
          pss[kind] += (PAGE << MemSizeStats.PSS_SHIFT) / count(at);
          bytes[0] += kind == 0 ? PAGE : 0;
          bytes[count(at) > 1 ? 1 : 2] += PAGE;
          huge[kind] += is(at, PagemapScan.HUGE) ? PAGE : 0;
        }
      }
      MemSizeStats seen = mm.sizes(vma.start());
      long all = pss[0] + pss[1];
      long locked = vma.flags().contains("lo") ? all : 0;
      sum("Rss", bytes[1] + bytes[2], seen.resident());
      sum("Pss", all, seen.pss());
      sum("Pss_Anon", pss[0], seen.pssAnon());
      boolean memory = vma.file() != null && isMemory(vma);
      sum("Pss_File", memory ? 0 : pss[1], seen.pssFile());
      sum("Pss_Shmem", memory ? pss[1] : 0, seen.pssShmem());
      sum("Locked", locked, seen.pssLocked());
      sum("Anonymous", bytes[0], seen.anonymous());
      sum("shared", bytes[1], seen.sharedClean() + seen.sharedDirty());
      sum("private", bytes[2], seen.privateClean() + seen.privateDirty());
      sum("AnonHugePages", huge[0], seen.anonymousThp());
      sum("huge pages of files", huge[1], seen.shmemThp() + seen.fileThp());
      sum("pages of the pool", 0, seen.sharedHugetlb() + seen.privateHugetlb());
      long dirty = seen.sharedDirty() + seen.privateDirty();
      check(
          vma.file() == null ? dirty == bytes[0] : dirty >= bytes[0],
          "anonymous pages to be dirty, " + View.line(vma),
          seen.toString());
      check(
          seen.referenced() <= seen.resident() && seen.pssDirty() <= all,
          "no more referenced or dirty than resident, " + View.line(vma),
          seen.toString());
      AddressSpace.VmaUsage usage = mm.usage(vma.start());
      sum("Rss in kB", (bytes[1] + bytes[2]) >> 10, usage.rssKb());
      sum("Anonymous in kB", bytes[0] >> 10, usage.anonKb());
      sum("AnonHugePages in kB", huge[0] >> 10, usage.anonHugeKb());
      sum("Locked in kB", MemSizeStats.pssKb(locked), usage.lockedKb());
      return bytes[1] + bytes[2];
    }

    private void sum(String what, long wanted, long seen) {
      checkEqual(wanted, seen, what + " of " + View.line(vma));
    }

    private static boolean isMemory(VmaInfo vma) {
      return switch (Objects.requireNonNull(vma.file()).file().kind()) {
        case TMPFS, SHMEM, DEV_ZERO -> true;
        default -> false;
      };
    }

    /** Pages of the pool are in two sums of their own, and in no other. */
    private long ofPool() {
      long shared = 0;
      long alone = 0;
      for (long at = vma.start(); at < vma.end(); at += HUGE) {
        if (entry(at) < 0) {
          shared += count(at) > 1 ? HUGE : 0;
          alone += count(at) > 1 ? 0 : HUGE;
        }
      }
      MemSizeStats seen = mm.sizes(vma.start());
      sum("Shared_Hugetlb", shared, seen.sharedHugetlb());
      sum("Private_Hugetlb", alone, seen.privateHugetlb());
      sum("Rss and Pss", 0, seen.resident() + seen.pss() + seen.anonymous() + seen.referenced());
      return 0;
    }

    /** Anonymous memory that may have huge pages and has room for one before its end. */
    private void eligible() {
      long last = vma.end() - HUGE & -HUGE;
      boolean wanted = vma.file() == null && !pool && !vma.flags().contains("nh");
      wanted &= !vma.flags().contains("io") && last >= vma.start();
      check(
          wanted == mm.thpEligible(vma.start()),
          "THPeligible " + wanted + " of " + View.line(vma) + " " + vma.flags(),
          "" + !wanted);
    }
  }
}
