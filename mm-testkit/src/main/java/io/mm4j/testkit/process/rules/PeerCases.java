// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CallCases.GROUP;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.C;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.END;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;

import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of a debugger that reads a process, and of a child that begins as its copy. */
public final class PeerCases {
  private static final long PAGE = Bits.PAGE;

  private PeerCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-44",
            "peeking",
            "A debugger's read makes pages present whatever their rights are, grows a stack under"
                + " the debugger's limit, and leaves special memory alone.",
            "access_remote_vm, __access_remote_vm, check_vma_flags: FOLL_FORCE",
            setup -> setup.stackBytes = 2 * PAGE,
            PeerCases::peek),
        GROUP.rule(
            "AS-45",
            "fork-copies",
            "A child has private pages shared until one writes, no file pages that faults can"
                + " bring back, nothing of MADV_WIPEONFORK, and its own later.",
            "copy_page_range, vma_needs_copy, dup_mmap",
            PeerCases::fork));
  }

  private static void peek(Rig rig) {
    rig.map(A, TEN, 0);
    rig.mm.peek(A + PAGE - 2, 2, 0);
    Looks.pages(rig, A, TEN, "z1,.9");
    rig.mm.peek(A + 3 * PAGE - 2, 3, 0);
    Looks.pages(rig, A, TEN, "z1,.1,z2,.6");
    AdviceCases.advise(rig, A + 5 * PAGE, PAGE, AdviceCases.GUARD_INSTALL);
    rig.mm.peek(A + 4 * PAGE, (int) (3 * PAGE), 0);
    rig.mm.peek(B, 8, 0);
    Looks.pages(rig, A, TEN, "z1,.1,z3,g1,z1,.3");
    Looks.works("a file", rig.mm.mmap(B, TEN, 0, 0x12, CaseSetup.TINY, 0));
    rig.mm.peek(B + 4 * PAGE, (int) (4 * PAGE), 0);
    Looks.pages(rig, B, TEN, "F6,.4");
    List<String> never = List.of("mw", "me");
    rig.mm.loadVma(new VmaInfo(C, C + PAGE, "---p", 0, "", null, never, ""));
    rig.mm.peek(C, 8, 0);
    Looks.pages(rig, C, PAGE, ".1");
    long stack = FAR + 100 * PAGE;
    rig.gives("a stack", stack, rig.mm.mmap(stack, PAGE, RW, 0x132, -1, 0));
    rig.mm.peek(stack - 3 * PAGE, 8, 4 * PAGE - 1);
    rig.shows(FAR, stack + PAGE, "100-101 rw-p");
    rig.mm.peek(stack - 3 * PAGE, 8, 4 * PAGE);
    rig.shows(FAR, stack + PAGE, "97-101 rw-p");
    Looks.pages(rig, stack - 4 * PAGE, 5 * PAGE, "-1,z1,.3");
    Looks.ends("under its own limit", Kind.SEGV_MAPERR, rig.mm.write(stack - 4 * PAGE, 1));
  }

  private static void fork(Rig rig) {
    rig.map(A, TEN, RW);
    rig.put(A, 1);
    rig.put(A + PAGE, 2);
    rig.has(A + 2 * PAGE, 0);
    Looks.works("a file", rig.mm.mmap(B, TEN, RW, 0x12, CaseSetup.TINY, 0));
    rig.has(B, CaseSetup.byteOf(0));
    Looks.works("shared", rig.mm.mmap(C, TEN, RW, 0x31, -1, 0));
    rig.put(C, 3);
    rig.map(FAR, TEN, RW);
    rig.put(FAR, 4);
    AdviceCases.advise(rig, FAR, 2 * PAGE, 18);
    rig.put(FAR + 5 * PAGE, 5);
    Looks.committed(rig, 40);
    rig.gives("mlock", 0, rig.mm.mlock2(A, TEN, 1));
    Rig child = rig.fork();
    Looks.committed(rig, 70);
    Looks.flags(child, A, "ac");
    Looks.flags(child, FAR, "ac wf");
    Looks.pages(rig, A, TEN, "a2,z1,.7");
    Looks.pages(child, A, TEN, "a2,z1,.7");
    Looks.pages(child, B, 2 * TEN, ".20");
    Looks.pages(child, FAR, TEN, ".5,a1,.4");
    Looks.rss(child, 3);
    Looks.rss(rig, 11);
    child.has(FAR, 0);
    rig.has(FAR, 4);
    child.put(A, 9);
    rig.has(A, 1);
    Looks.pages(child, A, TEN, "A1,a1,z1,.7");
    Looks.pages(rig, A, TEN, "A1,a1,z1,.7");
    rig.put(A + PAGE, 8);
    child.has(A + PAGE, 2);
    Looks.pages(rig, A, TEN, "A2,z1,.7");
    child.put(C, 7);
    rig.has(C, 7);
    child.gives("mmap", END, child.mm.mmap(END, TEN, READ, 0x12, CaseSetup.DISK, 0));
    child.has(END, CaseSetup.byteOf(0));
    child.gives("its break", SpaceSetup.BRK + 1, child.mm.brk(SpaceSetup.BRK + 1));
    Looks.sum(rig, "brk", MmFields::brk, SpaceSetup.BRK);
    child.mm.exit();
    Looks.committed(rig, 40);
    rig.mm.forkUnrecorded();
    Looks.committed(rig, 40);
    Looks.pages(rig, A, TEN, "A2,z1,.7");
    RuleViolation.checkEqual(6, rig.mm.usage(B).rssKb() / 4, "rss of the file in pages");
    RuleViolation.checkEqual(8, rig.mm.usage(A).lockedKb(), "Locked of A");
    RuleViolation.checkEqual(0, rig.mm.usage(B).lockedKb(), "Locked of B");
    RuleViolation.checkEqual(8, rig.mm.usage(A).anonKb(), "Anonymous of A");
    RuleViolation.checkEqual(0, rig.mm.usage(END).rssKb(), "rss of a hole");
  }
}
