// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.C;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.END;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;

import io.mm4j.api.InputException;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of what else keeps mappings, or their pages, apart: names, attachments, prctl. */
public final class NameCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "What is one mapping has one name, one owner, one end and one kind of pages.",
          "what only one of two has is not looked at");

  private static final long PAGE = Bits.PAGE;

  /** Where names lie. */
  private static final long NAMES = 0x30100000L;

  private NameCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-95",
            "names-keep-apart",
            "Memory merges with memory of the same name and with no other, above and below, when it"
                + " is mapped, named, unnamed, given other rights or moved.",
            "anon_vma_name_eq in is_mergeable_vma; vma_modify_name (prctl_set_vma)",
            NameCases::names),
        GROUP.rule(
            "AS-96",
            "attachments-stay-cut",
            "The parts of an attachment of a segment that mprotect has cut stay as many when all"
                + " have the same rights again, and two attachments never merge.",
            "can_merge_remove_vma; shm_vm_ops has close",
            NameCases::attachments),
        GROUP.rule(
            "AS-98",
            "huge-pages-switched-off",
            "PR_SET_THP_DISABLE keeps huge pages from every mapping of a process and of its later"
                + " children, with PR_THP_DISABLE_EXCEPT_ADVISED not from those that MADV_HUGEPAGE"
                + " was given for; switched on again all have them.",
            "vma_thp_disabled (include/linux/huge_mm.h), prctl_set_thp_disable (kernel/sys.c)",
            setup -> setup.thp = ThpMode.ALWAYS,
            NameCases::switchedOff));
  }

  private static void switchedOff(Rig rig) {
    switchedTo(rig, 0, 0);
    hugePages(rig, true, true);
    switchedTo(rig, 1, 0);
    hugePages(rig, false, false);
    Rig child = rig.fork();
    hugePages(child, false, false);
    switchedTo(rig, 1, 2); // PR_THP_DISABLE_EXCEPT_ADVISED
    hugePages(rig, false, true);
    hugePages(child, false, false);
    child.mm.exit();
    Rig second = rig.fork();
    hugePages(second, false, true);
    switchedTo(rig, 0, 0);
    hugePages(rig, true, true);
    hugePages(second, false, true);
    second.mm.exit();
  }

  private static void switchedTo(Rig rig, long off, long flags) {
    long result = rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_THP_DISABLE, off, flags, 0, 0);
    rig.gives("PR_SET_THP_DISABLE", 0, result);
  }

  /** Whether a first write gets a huge page, without advice and with it. */
  private static void hugePages(Rig rig, boolean usually, boolean advised) {
    for (boolean advises : new boolean[] {false, true}) {
      long at = HugeCases.H;
      rig.map(at, HugeCases.SIZE, RW);
      if (advises) {
        AdviceCases.advise(rig, at, HugeCases.SIZE, Uapi.MADV_HUGEPAGE);
      }
      boolean wanted = advises ? advised : usually;
      String what = "THPeligible" + (advises ? " with MADV_HUGEPAGE" : "");
      RuleViolation.check(wanted == rig.mm.thpEligible(at), what + " " + wanted, "" + !wanted);
      rig.touch(at);
      Looks.anonHuge(rig, at, wanted ? HugeCases.SIZE >> 10 : 0);
      rig.unmap(at, HugeCases.SIZE);
    }
  }

  private static boolean name(Rig rig, long at, long bytes, int which) {
    long name = which < 0 ? 0 : NAMES + 16L * which;
    return rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_VMA, 0, at, bytes, name) == 0;
  }

  private static void names(Rig rig) {
    try {
      rig.floor.kernelOption("anon-vma-name", "true");
    } catch (InputException e) {
      return; // a floor without that option has no names
    }
    rig.map(NAMES, PAGE, RW);
    for (int i = 0; i < 2; i++) {
      rig.put(NAMES + 16L * i, 'a' + i);
      rig.put(NAMES + 16L * i + 1, 0);
    }
    for (long named : new long[] {A, C}) {
      String apart = named == A ? "0-10 rw-p, 10-20 rw-p" : "10-20 rw-p, 20-30 rw-p";
      String one = named == A ? "0-20 rw-p" : "10-30 rw-p";
      rig.map(named, TEN, RW);
      named(rig, named, TEN, 0);
      rig.map(B, TEN, RW);
      rig.shows(apart);
      named(rig, B, TEN, 1);
      rig.shows(apart);
      named(rig, B, TEN, 0);
      rig.shows(one);
      has(rig, B, "[anon:a]");
      named(rig, B, TEN, -1);
      rig.shows(apart);
      has(rig, B, "");
      has(rig, named, "[anon:a]");
      named(rig, B, TEN, 0);
      rig.protect(B, TEN, READ);
      rig.protect(B, TEN, RW);
      rig.shows(one);
      rig.move(B, FAR, TEN);
      has(rig, FAR, "[anon:a]");
      rig.move(FAR, B, TEN);
      rig.shows(one);
      named(rig, B, TEN, 1);
      rig.protect(B, TEN, READ);
      rig.protect(B, TEN, RW);
      rig.shows(apart);
      has(rig, B, "[anon:b]");
      rig.unmap(A, END - A);
    }
    // A part in the middle gets a name, and loses it.
    rig.map(A, 3 * TEN, RW);
    rig.touch(B);
    named(rig, B, PAGE, 1);
    rig.shows("0-10 rw-p, 10-11 rw-p, 11-30 rw-p");
    Rig child = rig.fork();
    has(child, B, "[anon:b]");
    child.mm.exit();
    named(rig, B, PAGE, -1);
    rig.shows("0-30 rw-p");
  }

  private static void named(Rig rig, long at, long bytes, int which) {
    RuleViolation.check(name(rig, at, bytes, which), "a name", "an error");
  }

  private static void has(Rig rig, long at, String wanted) {
    String seen = Looks.vmas(rig, at, at + 1).getFirst().name();
    RuleViolation.check(seen.equals(wanted), "the name '" + wanted + "'", "'" + seen + "'");
  }

  private static void attachments(Rig rig) {
    long id = Looks.works("shmget", rig.mm.syscall(Syscall.SHMGET, 0, 3 * TEN, 0600));
    rig.gives("shmat", A, rig.mm.syscall(Syscall.SHMAT, id, A, 0));
    rig.protect(B, TEN, READ);
    rig.shows("0-10 rw-s, 10-20 r--s, 20-30 rw-s");
    rig.protect(B, TEN, RW);
    rig.shows("0-10 rw-s, 10-20 rw-s, 20-30 rw-s");
    // A part of a part is no whole that would go.
    rig.protect(B + PAGE, TEN - PAGE, READ);
    rig.shows("0-10 rw-s, 10-11 rw-s, 11-20 r--s, 20-30 rw-s");
    rig.protect(A, TEN, READ);
    rig.protect(B, PAGE, READ);
    rig.gives("shmdt", 0, rig.mm.syscall(Syscall.SHMDT, A));
    rig.shows("");
    long second = Looks.works("shmget", rig.mm.syscall(Syscall.SHMGET, 0, TEN, 0600));
    for (long at : new long[] {A, B, C}) {
      rig.gives("shmat", at, rig.mm.syscall(Syscall.SHMAT, second, at, 0));
    }
    rig.shows("0-10 rw-s, 10-20 rw-s, 20-30 rw-s");
    rig.put(B, 4);
    rig.has(C, 4);
  }
}
