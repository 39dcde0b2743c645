// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Area;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.naive.NaiveSpace;
import io.mm4j.testkit.process.rules.Act.Kind;
import io.mm4j.testkit.process.rules.SpaceSubject.Pair;
import java.util.List;

/** The rules about what lies behind the VMAs: touches, bytes, fork, mincore. */
public final class PageRules {
  private PageRules() {}

  /** Bytes that were written are still there, wherever their page has moved. */
  public static void contents(SpaceSubject run) {
    if (run.act() != null && run.act().kind() == Kind.READ) {
      RuleViolation.check(
          run.seen().equals(run.expected()), run.expected().toString(), run.seen().toString());
    }
    for (Pair process : run.processes) {
      NaiveSpace space = process.model().space;
      for (long at : space.contents.anonPages()) {
        Area area = space.areas.at(at);
        if (area == null || !area.any(Bits.ACCESS)) {
          continue;
        }
        Integer wanted = space.contents.byteAt(at);
        TouchOutcome seen = process.mm().read(at);
        RuleViolation.check(
            wanted != null && wanted == seen.value(),
            wanted + " at " + Long.toHexString(at) + " in " + area,
            seen.toString());
      }
    }
  }

  public static void touches(SpaceSubject run) {
    Act act = run.act();
    if (act == null) {
      return;
    }
    boolean touch = act.kind() == Kind.READ || act.kind() == Kind.WRITE || act.kind() == Kind.EXEC;
    if (touch) {
      String wanted = run.expected().text().split(" ", -1)[0];
      String seen = run.seen().text().split(" ", -1)[0];
      RuleViolation.check(seen.equals(wanted), wanted + " from " + act, seen);
    }
  }

  /** Which pages are anonymous, guarded or absent. */
  public static void pages(SpaceSubject run) {
    for (Pair process : run.processes) {
      NaiveSpace space = process.model().space;
      for (VmaInfo vma : View.of(process.mm()).vmas()) {
        long anon = 0;
        long guards = 0;
        for (long at : space.contents.pages(vma.start(), vma.end())) {
          char letter = Letters.at(vma.pages(), (at - vma.start()) / Bits.PAGE);
          boolean isAnon = space.contents.isAnon(at);
          boolean isGuard = space.contents.isGuard(at);
          anon += isAnon ? 1 : 0;
          guards += isGuard ? 1 : 0;
          String wanted = isAnon ? "Aa" : isGuard ? "g" : "z";
          RuleViolation.check(
              wanted.indexOf(letter) >= 0,
              "one of '" + wanted + "' at " + Long.toHexString(at),
              "'" + letter + "' in " + vma.pages());
        }
        RuleViolation.checkEqual(anon, Letters.count(vma.pages(), "Aa"), "anonymous pages");
        RuleViolation.checkEqual(guards, Letters.count(vma.pages(), "g"), "guard pages");
      }
    }
  }

  public static void mincore(SpaceSubject run) {
    Act act = run.act();
    if (act != null && act.kind() == Kind.MINCORE) {
      RuleViolation.check(
          run.seen().equals(run.expected()), act + " = " + run.expected(), run.seen().toString());
    }
  }

  /** A new child shows what its parent shows, but for what fork leaves out. */
  public static void fork(SpaceSubject run) {
    Act act = run.act();
    if (act == null || act.kind() != Kind.FORK || run.seen().isError()) {
      return;
    }
    View parent = View.of(run.actor().mm());
    View child = View.of(run.processes.getLast().mm());
    List<String> wanted =
        parent.vmas().stream()
            .filter(v -> !v.flags().contains("dc"))
            .map(v -> View.line(v) + v.flags().stream().filter(PageRules::inherited).toList())
            .toList();
    List<String> seen = child.vmas().stream().map(v -> View.line(v) + v.flags()).toList();
    for (int i = 0; i < Math.max(wanted.size(), seen.size()); i++) {
      String a = i < wanted.size() ? wanted.get(i) : "nothing more";
      String b = i < seen.size() ? seen.get(i) : "nothing more";
      RuleViolation.check(a.equals(b), a + " in the child", b);
    }
    RuleViolation.checkEqual(parent.fields().brk(), child.fields().brk(), "brk of the child");
    RuleViolation.checkEqual(0, child.fields().lockedVmPages(), "locked_vm of the child");
    String before = run.before.get(act.process()).state();
    RuleViolation.check(
        before.equals(parent.state()), "the parent as it was: " + before, parent.state());
  }

  private static boolean inherited(String letter) {
    return !letter.equals("lo") && !letter.equals("lf");
  }

  /** No call of one process changes another. */
  public static void separate(SpaceSubject run) {
    Act act = run.act();
    if (act == null || act.kind() == Kind.EXIT) {
      return;
    }
    for (int i = 0; i < run.before.size(); i++) {
      if (i != act.process()) {
        String before = run.before.get(i).state();
        String after = View.of(run.processes.get(i).mm()).state();
        RuleViolation.check(
            before.equals(after), "p" + i + " unchanged by " + act + ": " + before, after);
      }
    }
  }

  /** What was sealed stays where it is, with its rights. */
  public static void sealed(SpaceSubject run) {
    Act act = run.act();
    if (act == null || act.kind() == Kind.EXIT) {
      return;
    }
    List<VmaInfo> now = View.of(run.actor().mm()).vmas();
    for (VmaInfo was : run.before.get(act.process()).vmas()) {
      if (!was.flags().contains("sl")) {
        continue;
      }
      long kept = was.start();
      for (VmaInfo v : now) {
        boolean same = v.perms().equals(was.perms()) && v.flags().contains("sl");
        if (same && v.start() <= kept && kept < v.end()) {
          kept = v.end();
        }
      }
      RuleViolation.check(
          kept >= was.end(),
          "sealed memory to stay: " + View.line(was),
          act + " changed it at " + Long.toHexString(kept));
    }
  }

  /** Every answer is Linux's. */
  public static void answers(SpaceSubject run) {
    RuleViolation.check(
        run.seen().equals(run.expected()),
        run.act() + " = " + run.expected(),
        run.seen().toString());
  }

  /** Where a mapping goes whose place the caller did not fix. */
  public static void placement(SpaceSubject run) {
    Act act = run.act();
    if (act == null) {
      return;
    }
    long fixed = Bits.MAP_FIXED | Bits.MAP_FIXED_NOREPLACE;
    boolean free = act.kind() == Kind.MMAP && (act.flags() & fixed) == 0;
    free |= act.kind() == Kind.MREMAP && act.flags() == Bits.MREMAP_MAYMOVE;
    if (free && !run.seen().isError() && !run.expected().isError()) {
      RuleViolation.check(
          run.seen().equals(run.expected()),
          act + " = " + run.expected() + ", by looking at every gap",
          run.seen().toString());
    }
  }
}
