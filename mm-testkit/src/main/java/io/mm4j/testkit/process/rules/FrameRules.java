// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.paging.rules.HookedPages;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.Act.Answer;
import io.mm4j.testkit.process.rules.Act.Kind;
import io.mm4j.testkit.process.rules.SpaceSubject.Pair;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/** The rules about the frames below processes: all come back, and any may fail to come. */
public final class FrameRules {
  private static final int MADV_DONTNEED = 4;

  /** How many calls lie between two times that everything is taken down. */
  private static final int APART = 25;

  private FrameRules() {}

  /** Frames are taken, and every one comes back. */
  public static void comeBack(SpaceSubject run) {
    if (run.act() == null || run.history.size() % APART != 0) {
      return;
    }
    long free = Floors.freeFrames();
    Replay again = new Replay(run, run.floors).playTo(run.history, run.history.size());
    RuleViolation.check(
        Floors.freeFrames() < free, "fewer free frames with processes", "as many as without");
    end(again);
    RuleViolation.checkEqual(
        free, Floors.freeFrames(), "free frames when all processes and their floor have gone");
  }

  private static void end(Replay replay) {
    replay.processes.forEach(AddressSpace::exit);
    RuleViolation.checkEqual(
        0, replay.floor.committedPages(), "pages charged when all processes have gone");
    replay.floor.close();
  }

  /** Entries, references and tables are what going through the tables in RAM gives. */
  public static void counted(SpaceSubject run) {
    run.audit.fresh();
    run.audit.holds(run.processes.stream().map(Pair::mm).toList());
    Pair process = run.actor();
    Seeded random = new Seeded(run.history.size());
    List<Long> places = new ArrayList<>(List.of(SpaceSetup.STACK, SpaceSetup.DATA));
    for (int i = 0; i < 16; i++) {
      places.add(SpaceSetup.WINDOW + random.below(96) * Bits.PAGE);
    }
    run.audit.translates(process.mm(), random, places);
  }

  /** Somebody wants the frame of an anonymous page: the page moves, and nobody sees more of it. */
  public static void moved(SpaceSubject run) {
    if (Floors.missingOther() != null || run.history.size() % 2 != 0) {
      return; // the kit's own floors below move nothing
    }
    List<Map<Long, Long>> before = run.processes.stream().map(FrameRules::entries).toList();
    List<Long> frames = new ArrayList<>();
    for (Map<Long, Long> process : before) {
      process.values().stream()
          .filter(entry -> entry < 0 && (entry & Pagemap.FILE) == 0)
          .map(Pagemap::pfn)
          .filter(pfn -> !run.floor.isZeroPage(pfn))
          .sorted()
          .forEach(frames::add);
    }
    if (frames.isEmpty()) {
      return;
    }
    long frame = frames.get(run.history.size() * 31 % frames.size());
    List<String> shown = run.processes.stream().map(FrameRules::shown).toList();
    long free = Floors.freeFrames();
    String what = " after frame 0x" + Long.toHexString(frame) + " was wanted";
    RuleViolation.check(Floors.moveAway(frame), "a page that moves" + what, "none");
    RuleViolation.checkEqual(free, Floors.freeFrames(), "free frames" + what);
    long to = -1;
    for (int i = 0; i < before.size(); i++) {
      Pair process = run.processes.get(i);
      String now = shown(process);
      RuleViolation.check(shown.get(i).equals(now), shown.get(i) + what, now);
      Map<Long, Long> after = entries(process);
      RuleViolation.checkEqual(before.get(i).size(), after.size(), "entries of pagemap" + what);
      for (Map.Entry<Long, Long> was : before.get(i).entrySet()) {
        long is = after.getOrDefault(was.getKey(), 0L);
        if (Pagemap.pfn(was.getValue()) == frame) {
          to = to < 0 ? Pagemap.pfn(is) : to;
          is = (is & ~Pagemap.PFRAME) | (Pagemap.pfn(is) == to && to != frame ? frame : 0);
        }
        RuleViolation.check(
            is == was.getValue(),
            "the same entry at 0x" + Long.toHexString(was.getKey()) + ", but for the frame" + what,
            Long.toHexString(is));
      }
    }
    PageRules.contents(run);
    run.validate();
  }

  private static Map<Long, Long> entries(Pair process) {
    Map<Long, Long> entries = new HashMap<>();
    process.mm().pagemap(0, SpaceSetup.TASK_SIZE, entries::put);
    return entries;
  }

  private static String shown(Pair process) {
    StringBuilder out = new StringBuilder(View.of(process.mm()).state());
    process.mm().forEachVma(v -> out.append(v.pages()).append(process.mm().sizes(v.start())));
    return out.toString();
  }

  private interface Judge {
    void judge(Replay disturbed, Answer answer, View before, View done, Answer right);
  }

  /** Makes a call again and again, each time with something that happens at an allocation. */
  private static void eachAllocation(
      SpaceSubject run, String what, Disturbance disturbance, Judge judge) {
    Act act = run.act();
    if (act == null || act.kind() == Kind.EXIT) {
      return;
    }
    List<Act> history = run.history;
    int last = history.size() - 1;
    HookedPages pages = Floors.hook();
    Replay whole = new Replay(run, run.floors).playTo(history, last);
    View before = whole.view(act);
    long allocations = pages.allocations();
    Answer right = whole.play(act);
    long needed = Math.min(FailureRules.MOST, pages.allocations() - allocations);
    View done = whole.view(act);
    end(whole);
    for (int n = 1; n <= needed; n++) {
      long free = Floors.freeFrames();
      Replay disturbed = new Replay(run, run.floors).playTo(history, last);
      String when = what + n + " of " + act;
      try {
        disturbance.prepare(disturbed).accept(n);
        Answer answer = disturbed.play(act);
        pages.failIn(0);
        pages.doBefore(0, () -> {});
        disturbed.processes.forEach(AddressSpace::validate);
        judge.judge(disturbed, answer, before, done, right);
        end(disturbed);
        RuleViolation.checkEqual(free, Floors.freeFrames(), "free frames at the end");
      } catch (RuleViolation e) {
        throw new RuleViolation(e.expected() + when, e.seen());
      } catch (RuntimeException | CorruptStateError e) {
        RuleViolation violation = new RuleViolation("no exception" + when, e.toString());
        violation.initCause(e);
        throw violation;
      }
    }
  }

  private interface Disturbance {
    LongConsumer prepare(Replay processes);
  }

  /** Any frame may be refused. */
  public static void refused(SpaceSubject run) {
    Act act = run.act();
    eachAllocation(
        run,
        " after there was no frame for allocation ",
        processes -> Floors.hook()::failIn,
        (disturbed, answer, before, done, right) -> {
          if (act == null) {
            return;
          }
          // A stack grows before its page is looked for, and stays so.
          boolean grown =
              FailureRules.refusal(act, answer, before)
                  && disturbed.view(act).contents().equals(done.contents());
          if (!grown) {
            FailureRules.judge(act, disturbed, answer, before, done, right);
          }
        });
  }

  /** Any allocation may take a page away that can be had again. */
  public static void reclaimed(SpaceSubject run) {
    Act act = run.act();
    eachAllocation(
        run,
        " after pages were reclaimed in allocation ",
        processes ->
            n ->
                Floors.hook()
                    .doBefore(
                        n,
                        () -> {
                          Floors.reclaim();
                          processes.processes.forEach(FrameRules::reclaim);
                        }),
        (disturbed, answer, before, done, right) -> {
          if (act == null || act.kind() == Kind.MINCORE) { // which tells what is there

            return;
          }
          RuleViolation.check(answer.equals(right), right.toString(), answer.toString());
          String now = disturbed.view(act).contents();
          RuleViolation.check(now.equals(done.contents()), done.contents(), now);
        });
  }

  /** Takes every page away that is the file's, or zero: they come back with the next touch. */
  private static void reclaim(AddressSpace mm) {
    mm.forEachVma(
        vma -> {
          long at = vma.start();
          for (String pages : vma.pages().split(",", -1)) {
            if (vma.pages().equals("?") || pages.isEmpty()) {
              return;
            }
            long bytes = Long.parseLong(pages.substring(1)) * Bits.PAGE;
            if ("Ffz".indexOf(pages.charAt(0)) >= 0 && canForget(vma)) {
              long _ = mm.madvise(at, bytes, MADV_DONTNEED);
            }
            at += bytes;
          }
        });
  }

  private static boolean canForget(VmaInfo vma) {
    return !vma.flags().contains("lo");
  }
}
