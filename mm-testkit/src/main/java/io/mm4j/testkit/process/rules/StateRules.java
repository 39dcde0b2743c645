// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.InputException;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MemSizeStats;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What maps prints, and that a state that was written out and is read in again is the same. */
public final class StateRules {
  private static final long PAGE = Bits.PAGE;

  /** A state is read in after every so many calls. */
  private static final int EVERY = 5;

  private StateRules() {}

  private static RuleInfo info(
      String id, String name, String statement, String why, String behind, String failure) {
    return new RuleInfo(id, name, statement, why, behind, failure);
  }

  /** The cases and the benches. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        new CaseRule(
            info(
                "AS-62",
                "states-by-rights",
                "A VMA that is loaded with its rights only has the flags that mmap would have"
                    + " given it; it merges with what is mapped beside it, and pages whose bytes"
                    + " nobody knows can be written; a name is a name, and the vdso everybody's. A"
                    + " range that is no place of a VMA is refused.",
                "Recordings of old kernels tell no flags.",
                "calc_vm_prot_bits, do_mmap, map_vdso, _install_special_mapping",
                "a flag follows from the wrong letter"),
            CaseSetup::new,
            StateRules::byRights),
        new StepRule(
            info(
                "AS-63",
                "views-agree",
                "pagemap, PAGEMAP_SCAN, the letters of maps, smaps and rss say the same of every"
                    + " page, of huge pages, of files, of shared memory and of the pool, also"
                    + " where a part of pagemap is read; THPeligible follows from room and flags.",
                "Each is believed by somebody else.",
                "pagemap_pmd_range, smaps_account, smaps_hugetlb_range, pagemap_scan_thp_entry,"
                    + " thp_vma_allowable_order",
                "a huge page counts as one page, or the page that is asked for its head"),
            40,
            ViewBench::new));
  }

  // ---------------------------------------------------------------- maps

  /** maps, in full and in part, with the names that follow from heap and stack. */
  public static void maps(SpaceSubject run) {
    AddressSpace mm = run.actor().mm();
    MmFields.Places places = mm.fields().places();
    List<VmaInfo> all = View.of(mm).vmas();
    List<String> lines = all.stream().map(View::line).toList();
    for (VmaInfo vma : all) {
      OpenFile open = vma.file();
      String wanted = open != null ? open.file().name() : named(vma, places);
      check(vma.name().equals(wanted), "the name '" + wanted + "' of " + View.line(vma), "another");
      check(
          open != null || vma.offsetBytes() == 0,
          "no offset of anonymous memory, " + View.line(vma),
          Long.toHexString(vma.offsetBytes()));
    }
    List<String> printed = new ArrayList<>();
    mm.forEachMap(
        vma -> {
          printed.add(View.line(vma));
          check(vma.flags().isEmpty(), "no flags in maps", vma.flags().toString());
        });
    check(printed.equals(lines), "maps " + lines, printed.toString());
    Act act = run.act();
    long from = act == null ? SpaceSetup.WINDOW : act.addr();
    for (long bytes : List.of(1L, PAGE, 3 * PAGE + 1)) {
      List<String> wanted = new ArrayList<>();
      for (VmaInfo vma : all) {
        if (vma.start() < from + bytes && from < vma.end()) {
          wanted.add(View.line(vma));
        }
      }
      List<String> part = new ArrayList<>();
      mm.forEachVma(from, from + bytes, vma -> part.add(View.line(vma)));
      check(
          part.equals(wanted),
          wanted + " from " + Long.toHexString(from) + " on for " + bytes + " bytes",
          part.toString());
    }
  }

  /** The name of memory without a file that follows from heap and stack. */
  static String named(VmaInfo vma, MmFields.Places places) {
    if (vma.start() < places.brk() && vma.end() > places.startBrk()) {
      return "[heap]";
    }
    boolean stack = vma.start() <= places.startStack() && vma.end() >= places.startStack();
    return stack ? "[stack]" : "";
  }

  // ---------------------------------------------------------------- states

  /** What one process shows, loaded into an empty one of a floor of its own, shows the same. */
  public static void loaded(SpaceSubject run) {
    if (run.history.size() % EVERY != 0) {
      return;
    }
    AddressSpace was = run.actor().mm();
    List<VmaInfo> vmas = View.of(was).vmas();
    AddressSpace again = run.beside().createAddressSpace(run.setup.config().layout(layout(was)));
    vmas.forEach(again::loadVma);
    again.validate();
    Map<String, Integer> ofFiles = new HashMap<>();
    vmas.forEach(vma -> eachPage(vma, (at, letter) -> count(ofFiles, vma, at, letter)));
    List<VmaInfo> seen = View.of(again).vmas();
    checkEqual(vmas.size(), seen.size(), "VMAs of the state that was loaded");
    long[] sums = new long[6];
    for (int i = 0; i < vmas.size(); i++) {
      VmaInfo one = vmas.get(i);
      String wanted = View.line(one) + " " + one.flags() + " " + letters(one, ofFiles);
      VmaInfo two = seen.get(i);
      String other = View.line(two) + " " + two.flags() + " " + two.pages();
      check(wanted.equals(other), wanted, other);
      add(sums, one);
    }
    MmFields fields = again.fields();
    checkEqual(sums[0], fields.totalVmPages(), "total_vm");
    checkEqual(sums[1], fields.lockedVmPages(), "locked_vm");
    checkEqual(sums[2], fields.committedPages(), "charged pages");
    checkEqual(sums[3], fields.rssPages(), "rss");
    checkEqual(was.fields().dataVmPages(), fields.dataVmPages(), "data_vm");
    checkEqual(was.fields().execVmPages(), fields.execVmPages(), "exec_vm");
    checkEqual(was.fields().sums().stackVmPages(), fields.sums().stackVmPages(), "stack_vm");
    vmas.forEach(vma -> touched(again, vma));
    checkEqual(sums[3], again.fields().rssPages(), "rss after touches of what was there");
    again.exit();
  }

  /** As it is now. */
  private static MmLayout layout(AddressSpace mm) {
    MmLayout l = mm.layout();
    return new MmLayout(
        l.taskSize(),
        l.mmapBase(),
        l.topDown(),
        l.compat32(),
        l.startCode(),
        l.endCode(),
        l.startData(),
        l.endData(),
        l.startBrk(),
        mm.fields().brk(),
        l.startStack(),
        l.argStart(),
        l.argEnd(),
        l.envStart(),
        l.envEnd());
  }

  private interface PageSink {
    void page(long at, char letter);
  }

  private static void eachPage(VmaInfo vma, PageSink sink) {
    long at = vma.start();
    for (String run : vma.pages().split(",", -1)) {
      long pages = run.length() < 2 ? 0 : Long.parseLong(run.substring(1));
      for (long i = 0; i < pages; i++, at += PAGE) {
        sink.page(at, run.charAt(0));
      }
    }
  }

  private static String place(VmaInfo vma, long at) {
    OpenFile open = Objects.requireNonNull(vma.file());
    return System.identityHashCode(open.file()) + " " + (vma.offsetBytes() + at - vma.start());
  }

  private static void count(Map<String, Integer> ofFiles, VmaInfo vma, long at, char letter) {
    if (letter == 'F' || letter == 'f') {
      int _ = ofFiles.merge(place(vma, at), 1, Integer::sum);
    }
  }

  /** Nobody else has the loaded pages: what was shared with other processes is not any more. */
  private static String letters(VmaInfo vma, Map<String, Integer> ofFiles) {
    StringBuilder out = new StringBuilder();
    eachPage(
        vma,
        (at, letter) -> {
          boolean file = letter == 'F' || letter == 'f';
          char alone = letter == 'a' ? 'A' : letter;
          out.append(!file ? alone : ofFiles.getOrDefault(place(vma, at), 0) == 1 ? 'F' : 'f');
        });
    return Letters.runs(out);
  }

  private static void add(long[] sums, VmaInfo vma) {
    long pages = vma.bytes() / PAGE;
    sums[0] += pages;
    sums[1] += vma.flags().contains("lo") ? pages : 0;
    sums[2] += vma.flags().contains("ac") ? pages : 0;
    sums[3] += Letters.count(vma.pages(), "AaFf");
  }

  /** The first page of each letter does what such a page does. */
  private static void touched(AddressSpace mm, VmaInfo vma) {
    StringBuilder done = new StringBuilder();
    eachPage(
        vma,
        (at, letter) -> {
          if (done.indexOf("" + letter) < 0 && letter != '.' && vma.flags().contains("rd")) {
            done.append(letter);
            touched(mm, vma, at, letter);
          }
        });
  }

  private static void touched(AddressSpace mm, VmaInfo vma, long at, char letter) {
    String where = letter + " at " + Long.toHexString(at) + " of " + View.line(vma);
    TouchOutcome seen = mm.read(at);
    TouchOutcome.Kind kind = letter == 'g' ? TouchOutcome.Kind.SEGV_MAPERR : TouchOutcome.Kind.OK;
    check(seen.kind() == kind, kind + " from a read of " + where, seen.toString());
    if (letter == 'z') {
      checkEqual(0, seen.value(), "the byte of " + where);
    }
    if ((letter == 'A' || letter == 'a') && vma.flags().contains("wr")) {
      checkEqual(TouchOutcome.UNKNOWN, seen.value(), "the byte of " + where);
      check(mm.write(at, 9).ok(), "a write to " + where, "a signal");
      checkEqual(9, mm.read(at).value(), "the byte that was written to " + where);
    }
  }

  // ---------------------------------------------------------------- states without flags

  private static void load(
      Rig rig, long at, String perms, String name, @Nullable OpenFile file, String pages) {
    rig.mm.loadVma(new VmaInfo(at, at + 4 * PAGE, perms, 0, name, file, List.of(), pages));
  }

  private record Loaded(String perms, String name, @Nullable OpenFile file, String flags) {}

  private static void byRights(Rig rig) {
    MappedFile disk =
        new MappedFile("F", MappedFile.Kind.EXT4, 16 * PAGE, at -> (int) (at >> 12 & 127));
    OpenFile both = new OpenFile(disk, OpenFile.Mode.READ_WRITE);
    OpenFile reads = new OpenFile(disk, OpenFile.Mode.READ_ONLY);
    List<Loaded> cases =
        List.of(
            new Loaded("rw-p", "", null, "rd wr mr mw me ac"),
            new Loaded("r--p", "", null, "rd mr mw me"),
            new Loaded("---p", "", null, "mr mw me"),
            new Loaded("r-xp", "", null, "rd ex mr mw me"),
            new Loaded("rw-p", "F", both, "rd wr mr mw me ac"),
            new Loaded("r-xp", "F", reads, "rd ex mr mw me"),
            new Loaded("rw-s", "F", both, "rd wr sh mr mw me ms"),
            new Loaded("r--s", "F", both, "rd sh mr mw me ms"),
            new Loaded("r--s", "F", reads, "rd mr me ms"),
            new Loaded("rw-p", "[stack]", null, "rd wr mr mw me gd ac"),
            new Loaded("r-xp", "[vdso]", null, "rd ex mr mw me de"),
            new Loaded("r--p", "[vvar]", null, "rd mr pf io de dd"),
            new Loaded("r--p", "[vvar_vclock]", null, "rd mr pf io de dd"));
    long at = A;
    for (Loaded each : cases) {
      String name = each.name();
      load(rig, at, each.perms(), name, each.file(), "?");
      VmaInfo seen = Looks.vmas(rig, at, at + 1).getFirst();
      String flags = String.join(" ", seen.flags());
      check(
          flags.equals(each.flags()),
          each.flags() + " of a loaded " + each.perms() + " " + name,
          flags);
      check(seen.perms().equals(each.perms()), each.perms(), seen.perms());
      boolean stack = name.equals("[stack]"); // its name follows from where it is
      check(stack || seen.name().equals(name), "the name '" + name + "'", seen.name());
      at += 8 * PAGE;
    }
    mergesAndPages(rig, both);
    imagesAndNames(rig);
    refused(rig);
  }

  /** The vdso is mapped by every process of its kind; what has no file has no page of one. */
  private static void imagesAndNames(Rig rig) {
    VmaInfo image = new VmaInfo(FAR, FAR + 2 * PAGE, "r-xp", 0, "[vdso]", null, List.of(), "F1,.1");
    for (boolean narrow : new boolean[] {false, true}) {
      AddressSpace mm = (narrow ? new CaseSetup().ia32() : new CaseSetup()).create(rig.floor);
      mm.loadVma(image);
      mm.loadVma(new VmaInfo(A, A + 4 * PAGE, "rw-p", 0, "", null, List.of(), "F2,A1,f1"));
      List<String> pages = new ArrayList<>();
      mm.forEachVma(vma -> pages.add(vma.pages()));
      List<String> wanted = List.of(".2,A1,.1", narrow ? "F1,.1" : "f1,.1");
      check(pages.equals(wanted), wanted + " of a state with a vdso", pages.toString());
      checkEqual(FAR, mm.fields().context(), "where the vdso is");
      checkEqual(2, mm.fields().rssPages(), "rss");
      mm.exit();
    }
    for (String data : List.of("[vvar]", "[vvar_vclock]")) {
      AddressSpace mm = new CaseSetup().create(rig.floor);
      mm.loadVma(new VmaInfo(A, A + 2 * PAGE, "r--p", 0, data, null, List.of(), "?"));
      check(mm.read(A).ok(), "the time in " + data, "a signal");
      mm.forEachVma(vma -> check(vma.pages().equals("?"), "nothing of " + data, vma.pages()));
      check(mm.sizes(A).equals(MemSizeStats.NONE), "no sums of " + data, mm.sizes(A).toString());
      mm.exit();
    }
    try {
      rig.floor.kernelOption("anon-vma-name", "true");
    } catch (InputException e) {
      return; // a floor without that option has no names
    }
    long at = FAR + 32 * PAGE;
    load(rig, at, "rw-p", "[anon:of memory]", null, "A1,.3");
    String name = Looks.vmas(rig, at, at + 1).getFirst().name();
    check(name.equals("[anon:of memory]"), "[anon:of memory]", name);
    checkEqual(0, rig.mm.setVmaName(at, 4 * PAGE, "other"), "PR_SET_VMA_ANON_NAME");
    rig.gives("mmap", at + 8 * PAGE, rig.mm.mmap(at + 8 * PAGE, PAGE, RW, 0x31, -1, 0));
    checkEqual(0, rig.mm.setVmaName(at + 8 * PAGE, PAGE, "all"), "PR_SET_VMA_ANON_NAME");
    name = Looks.vmas(rig, at + 8 * PAGE, at + 9 * PAGE).getFirst().name();
    check(name.equals("[anon_shmem:all]"), "[anon_shmem:all]", name);
  }

  private static void mergesAndPages(Rig rig, OpenFile both) {
    load(rig, FAR, "rw-p", "", null, "A1,z1,g1,.1");
    rig.map(FAR + 4 * PAGE, PAGE, RW);
    rig.shows(FAR, FAR + 8 * PAGE, "0-5 rw-p");
    Looks.pages(rig, FAR, 5 * PAGE, "A1,z1,g1,.2");
    load(rig, FAR + 8 * PAGE, "rw-p", "F", both, "A1,F2,.1");
    rig.has(FAR + 9 * PAGE, 1);
    rig.has(FAR + 10 * PAGE, 2);
    rig.put(FAR + 9 * PAGE, 9);
    Looks.pages(rig, FAR + 8 * PAGE, 4 * PAGE, "A2,F1,.1");
    Looks.rss(rig, 4);
    load(rig, FAR + 16 * PAGE, "---p", "", null, "A1,.3");
    Looks.ends(
        "a read without rights", TouchOutcome.Kind.SEGV_ACCERR, rig.mm.read(FAR + 16 * PAGE));
    rig.protect(FAR + 16 * PAGE, 4 * PAGE, RW);
    checkEqual(
        TouchOutcome.UNKNOWN, rig.mm.read(FAR + 16 * PAGE).value(), "a byte that nobody knows");
    rig.mm.loadVma(
        new VmaInfo(
            FAR + 24 * PAGE, FAR + 26 * PAGE, "r--p", 3 * PAGE, "F", both, List.of(), "F1,.1"));
    rig.has(FAR + 24 * PAGE, 3);
    checkEqual(
        3 * PAGE,
        Looks.vmas(rig, FAR + 24 * PAGE, FAR + 25 * PAGE).getFirst().offsetBytes(),
        "the offset");
  }

  private static void refused(Rig rig) {
    long task = SpaceSetup.TASK_SIZE;
    long free = FAR + 64 * PAGE;
    long[][] ranges = {
      {free + 1, free + PAGE},
      {free, free + 1},
      {free, free},
      {free + PAGE, free},
      {-PAGE, PAGE},
      {task - PAGE, task + PAGE},
      {FAR, FAR + PAGE},
      {FAR + 4 * PAGE, FAR + 9 * PAGE}
    };
    for (long[] range : ranges) {
      refused(rig, range[0], range[1], "?");
    }
    refused(rig, free, free + PAGE, "q1");
    rig.mm.loadVma(new VmaInfo(task - PAGE, task, "r--p", 0, "", null, List.of(), ""));
  }

  private static void refused(Rig rig, long start, long end, String pages) {
    try {
      rig.mm.loadVma(new VmaInfo(start, end, "r--p", 0, "", null, List.of(), pages));
    } catch (IllegalArgumentException e) {
      return;
    }
    throw new RuleViolation(
        "a refusal of " + Long.toHexString(start) + "-" + Long.toHexString(end) + " " + pages,
        "nothing thrown");
  }
}
