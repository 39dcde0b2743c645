// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Area;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.naive.NaiveSpace;
import io.mm4j.testkit.process.rules.SpaceSubject.Pair;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The rules about the list of VMAs: order, borders, rights, flags, and what is kept beside it. */
public final class ShapeRules {
  private ShapeRules() {}

  public static void sorted(SpaceSubject run) {
    for (Pair process : run.processes) {
      long end = 0;
      for (VmaInfo vma : View.of(process.mm()).vmas()) {
        boolean good =
            vma.start() >= end
                && vma.end() > vma.start()
                && vma.end() <= SpaceSetup.TASK_SIZE
                && (vma.start() | vma.end()) % Bits.PAGE == 0;
        RuleViolation.check(
            good, "whole pages of user space above " + Long.toHexString(end), View.line(vma));
        end = vma.end();
      }
    }
  }

  public static void listIsTree(SpaceSubject run) {
    AddressSpace mm = run.actor().mm();
    View view = View.of(mm);
    for (int i = 0; i < view.vmas().size(); i++) {
      VmaInfo vma = view.vmas().get(i);
      same(mm, vma.start(), vma.start() + 1, List.of(vma));
      same(mm, vma.end() - 1, vma.end(), List.of(vma));
      if (i > 0 && i % 7 == 1) {
        same(mm, view.vmas().get(i - 1).end() - 1, vma.end(), view.vmas().subList(i - 1, i + 1));
      }
    }
    long first = view.vmas().isEmpty() ? -1 : view.vmas().getFirst().start();
    RuleViolation.checkEqual(first, view.fields().vmas().mmap(), "mmap, the head of the list");
    boolean root = view.vmas().stream().anyMatch(v -> v.start() == view.fields().vmas().mmRb());
    RuleViolation.check(
        root || view.vmas().isEmpty(),
        "mm_rb to name a VMA",
        "0x" + Long.toHexString(view.fields().vmas().mmRb()));
  }

  private static void same(AddressSpace mm, long from, long to, List<VmaInfo> expected) {
    List<String> found = new ArrayList<>();
    mm.forEachVma(from, to, vma -> found.add(View.line(vma)));
    List<String> wanted = expected.stream().map(View::line).toList();
    RuleViolation.check(
        found.equals(wanted),
        "by address " + Long.toHexString(from) + " what the walk shows: " + wanted,
        found.toString());
  }

  public static void mapCount(SpaceSubject run) {
    for (Pair process : run.processes) {
      View view = View.of(process.mm());
      RuleViolation.checkEqual(view.vmas().size(), view.fields().mapCount(), "map_count");
    }
  }

  public static void cache(SpaceSubject run) {
    for (Pair process : run.processes) {
      MmFields fields = process.mm().fields();
      View view = View.of(process.mm());
      long cached = fields.vmas().mmapCache();
      boolean good = cached == -1 || view.vmas().stream().anyMatch(v -> v.start() == cached);
      RuleViolation.check(
          good, "mmap_cache to name a VMA or none", "0x" + Long.toHexString(cached));
    }
    Act act = run.act();
    Pair actor = run.actor();
    if (act == null || act.kind() != Act.Kind.READ || !run.seen().text().startsWith("OK")) {
      return;
    }
    actor.mm().read(act.addr());
    long cached = actor.mm().fields().vmas().mmapCache();
    Area area = Objects.requireNonNull(actor.model().space.areas.at(act.addr()));
    RuleViolation.check(
        cached == -1 || cached == area.start,
        "mmap_cache to be the VMA that was just read, " + area,
        "0x" + Long.toHexString(cached));
  }

  /** Borders at which areas of equal rights touch, and everything else that maps shows. */
  private static NavigableSet<Long> borders(List<VmaInfo> vmas) {
    TreeSet<Long> borders = new TreeSet<>();
    for (VmaInfo vma : vmas) {
      borders.add(vma.start());
      borders.add(vma.end());
    }
    return borders;
  }

  private static NavigableSet<Long> borders(NaiveSpace space) {
    TreeSet<Long> borders = new TreeSet<>();
    for (Area area : space.areas.all()) {
      borders.add(area.start);
      borders.add(area.end);
    }
    return borders;
  }

  public static void merged(SpaceSubject run) {
    for (Pair process : run.processes) {
      NavigableSet<Long> more = borders(View.of(process.mm()).vmas());
      more.removeAll(borders(process.model().space));
      RuleViolation.check(
          more.isEmpty(),
          "no border that Linux would not leave: " + process.model().space.text(),
          more.isEmpty() ? "" : "one at " + Long.toHexString(more.first()));
    }
  }

  public static void keptApart(SpaceSubject run) {
    for (Pair process : run.processes) {
      NavigableSet<Long> fewer = borders(process.model().space);
      fewer.removeAll(borders(View.of(process.mm()).vmas()));
      RuleViolation.check(
          fewer.isEmpty(),
          "every border that Linux leaves: " + process.model().space.text(),
          fewer.isEmpty() ? "" : "none at " + Long.toHexString(fewer.first()));
    }
  }

  /** What each page of the model is to look like, and what the floor shows there. */
  private interface PageCheck {
    void check(VmaInfo vma, Area area, long from);
  }

  private static void pages(Pair process, PageCheck check) {
    List<VmaInfo> vmas = View.of(process.mm()).vmas();
    NavigableSet<Long> cuts = borders(vmas);
    cuts.addAll(borders(process.model().space));
    for (long at : cuts) {
      Area area = process.model().space.areas.at(at);
      VmaInfo vma = at(vmas, at);
      if (area == null && vma == null) {
        continue;
      }
      if (area == null || vma == null) {
        throw new RuleViolation(
            area == null ? "nothing mapped at " + Long.toHexString(at) : area.toString(),
            vma == null ? "nothing mapped at " + Long.toHexString(at) : View.line(vma));
      }
      check.check(vma, area, at);
    }
  }

  private static @Nullable VmaInfo at(List<VmaInfo> vmas, long addr) {
    return vmas.stream().filter(v -> v.start() <= addr && addr < v.end()).findFirst().orElse(null);
  }

  public static void mapped(SpaceSubject run) {
    run.processes.forEach(process -> pages(process, ShapeRules::mapped));
  }

  /** The same, but only after calls that failed. */
  public static void unchangedByErrors(SpaceSubject run) {
    if (run.seen().isError() || run.seen().text().startsWith("SEGV")) {
      mapped(run);
      flags(run);
      Pair actor = run.actor();
      RuleViolation.checkEqual(
          actor.model().space.totalPages(), actor.mm().fields().totalVmPages(), "total_vm");
      RuleViolation.checkEqual(actor.model().space.brk, actor.mm().fields().brk(), "brk");
    }
  }

  private static void mapped(VmaInfo vma, Area area, long at) {
    String where = " at " + Long.toHexString(at);
    RuleViolation.check(
        vma.perms().equals(Bits.perms(area.flags)),
        Bits.perms(area.flags) + where,
        vma.perms() + " of " + View.line(vma));
    String file = area.file == null ? "" : area.file.file().name();
    boolean special = vma.name().startsWith("[") && area.file == null;
    RuleViolation.check(
        special || vma.name().equals(file), "'" + file + "'" + where, "'" + vma.name() + "'");
    if (area.file != null) {
      long offset = vma.offsetBytes() + at - vma.start();
      RuleViolation.checkEqual(area.pgoffAt(at) * Bits.PAGE, offset, "file offset" + where);
    }
  }

  public static void flags(SpaceSubject run) {
    run.processes.forEach(
        process ->
            pages(
                process,
                (vma, area, at) -> {
                  List<String> wanted = Bits.letters(area.flags);
                  RuleViolation.check(
                      vma.flags().equals(wanted),
                      wanted + " at " + Long.toHexString(at),
                      vma.flags().toString());
                }));
  }

  public static void generation(SpaceSubject run) {
    Act act = run.act();
    if (act == null || run.before.size() <= act.process() || act.kind() == Act.Kind.EXIT) {
      return;
    }
    View before = run.before.get(act.process());
    View after = View.of(run.actor().mm());
    RuleViolation.check(
        before.generation() != after.generation() || before.maps().equals(after.maps()),
        "another mapsGeneration() after maps changed",
        "still " + after.generation());
  }
}
