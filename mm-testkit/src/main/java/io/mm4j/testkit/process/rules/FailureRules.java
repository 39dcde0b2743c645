// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.Act.Answer;
import io.mm4j.testkit.process.rules.Act.Kind;
import java.util.List;
import java.util.NavigableSet;

/**
 * The rules that make a call again on other floors: with its n-th allocation failing, with another
 * index, with somebody listening to its reasons.
 */
public final class FailureRules {
  /** More allocations than this are not tried in one call: they are of one kind. */
  static final int MOST = 12;

  private FailureRules() {}

  /** What a call says when memory is out. */
  static boolean refusal(Act act, Answer answer, View before) {
    return switch (act.kind()) {
      case MADVISE, MLOCK -> answer.value() == -Errno.EAGAIN || answer.value() == -Errno.ENOMEM;
      case BRK -> answer.value() == before.fields().brk();
      case READ, WRITE, EXEC -> answer.text().equals("SEGV_MAPERR");
      case MINCORE -> answer.value() == -Errno.EFAULT;
      default -> answer.value() == -Errno.ENOMEM;
    };
  }

  /** Whether a refused call of this kind has changed nothing at all, borders aside. */
  private static boolean wholly(Act act) {
    return switch (act.kind()) {
      case MMAP, MUNMAP, BRK, FORK, READ, WRITE, EXEC, SETRLIMIT, MINCORE -> true;
      default -> false;
    };
  }

  private interface Judge {
    void judge(Replay failed, Answer answer, View before, View done, Answer right);
  }

  private static void eachFailure(SpaceSubject run, Judge judge) {
    Act act = run.act();
    if (act == null || act.kind() == Kind.EXIT) {
      return;
    }
    List<Act> history = run.history;
    int last = history.size() - 1;
    Replay whole = new Replay(run, run.floors).playTo(history, last);
    View before = whole.view(act);
    long allocations = whole.floor.allocationCount();
    Answer right = whole.play(act);
    long needed = Math.min(MOST, whole.floor.allocationCount() - allocations);
    View done = whole.view(act);
    for (int n = 0; n < needed; n++) {
      Replay failed = new Replay(run, run.floors).playTo(history, last);
      failed.floor.failAllocationAfter(n);
      try {
        Answer answer = failed.play(act);
        failed.floor.failAllocationAfter(-1);
        failed.processes.forEach(AddressSpace::validate);
        judge.judge(failed, answer, before, done, right);
      } catch (RuleViolation e) {
        throw new RuleViolation(
            e.expected() + " after allocation " + n + " of " + act + " failed", e.seen());
      } catch (RuntimeException | CorruptStateError e) {
        RuleViolation violation =
            new RuleViolation(
                "no exception after allocation " + n + " of " + act + " failed", e.toString());
        violation.initCause(e);
        throw violation;
      }
    }
  }

  public static void undoneOrDone(SpaceSubject run) {
    Act act = run.act();
    eachFailure(
        run,
        (failed, answer, before, done, right) -> {
          if (act == null) {
            return;
          }
          judge(act, failed, answer, before, done, right);
          failed.processes.forEach(AddressSpace::exit);
          RuleViolation.checkEqual(
              0, failed.floor.committedPages(), "pages charged when all processes have gone");
        });
  }

  /** Whether a call of which an allocation failed was done, or was refused and left no half. */
  static void judge(Act act, Replay failed, Answer answer, View before, View done, Answer right) {
    boolean refused = !answer.equals(right);
    RuleViolation.check(
        !refused || refusal(act, answer, before),
        right + ", or that memory is out",
        answer.toString());
    View now = failed.view(act);
    if (refused && wholly(act)) {
      RuleViolation.check(
          now.contents().equals(before.contents()),
          "nothing changed: " + before.contents(),
          now.contents());
    }
    partOf(act, now, before, done);
  }

  /**
   * A call over several VMAs stops at the failure: every page is as before or as after. mremap to a
   * fixed place has emptied that place before.
   */
  private static void partOf(Act act, View now, View before, View done) {
    NavigableSet<Long> cuts = now.cuts();
    cuts.addAll(before.cuts());
    cuts.addAll(done.cuts());
    for (long at : cuts) {
      String seen = now.at(at);
      String a = before.at(at);
      String b = done.at(at);
      RuleViolation.check(
          seen.equals(a) || seen.equals(b) || (seen.equals("nothing") && emptied(act, at)),
          Long.toHexString(at) + " to be '" + a + "' as before or '" + b + "' as after",
          "'" + seen + "'");
    }
  }

  private static boolean emptied(Act act, long addr) {
    return act.kind() == Kind.MREMAP
        && (act.flags() & Bits.MREMAP_FIXED) != 0
        && addr >= act.other()
        && addr < act.other() + Bits.align(act.more());
  }

  public static void again(SpaceSubject run) {
    Act act = run.act();
    eachFailure(
        run,
        (failed, answer, before, done, right) -> {
          if (act == null
              || answer.equals(right)
              || !failed.view(act).contents().equals(before.contents())) {
            return;
          }
          Answer second = failed.play(act);
          RuleViolation.check(
              second.equals(right), right + " when it is tried again", second.toString());
          failed.processes.forEach(AddressSpace::validate);
          View now = failed.view(act);
          RuleViolation.check(
              now.contents().equals(done.contents()),
              done.contents() + " when it is tried again",
              now.contents());
        });
  }

  // ---------------------------------------------------------------- twins

  public static void sameWithEveryIndex(SpaceSubject run) {
    if (run.twin == null) {
      run.twin = new Replay(run, Floors.naive());
    }
    asItsTwin(run, run.twin, "with the kit's index ");
  }

  public static void explained(SpaceSubject run) {
    if (run.twin == null) {
      run.twin = new Replay(run, run.floors);
    }
    for (AddressSpace mm : run.twin.processes) {
      mm.explainTo(
          (topic, reason) ->
              RuleViolation.check(
                  !topic.isEmpty() && !reason.isEmpty(), "a topic and a reason", "none"));
    }
    asItsTwin(run, run.twin, "with an explainer ");
  }

  private static void asItsTwin(SpaceSubject run, Replay twin, String how) {
    Act act = run.act();
    if (act == null) {
      return;
    }
    twin.playTo(run.history, run.history.size() - 1);
    Answer answer = twin.play(act);
    RuleViolation.check(
        answer.equals(run.seen()), how + act + " = " + answer, run.seen().toString());
    if (act.kind() != Kind.EXIT) {
      String wanted = twin.view(act).state();
      String seen = View.of(run.actor().mm()).state();
      RuleViolation.check(wanted.equals(seen), how + wanted, seen);
    }
  }
}
