// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.process.AddressSpace.VmaUsage;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.naive.NaiveSpace;
import io.mm4j.testkit.process.rules.SpaceSubject.Pair;
import java.util.function.Predicate;

/** The rules about sums and limits: each sum is what a recount of the list gives. */
public final class SumRules {
  private SumRules() {}

  private static long count(View view, Predicate<VmaInfo> which) {
    return view.vmas().stream().filter(which).mapToLong(v -> v.bytes() / Bits.PAGE).sum();
  }

  private interface Sum {
    void check(View view, MmFields fields);
  }

  private static void each(SpaceSubject run, Sum sum) {
    for (Pair process : run.processes) {
      View view = View.of(process.mm());
      sum.check(view, view.fields());
    }
  }

  public static void total(SpaceSubject run) {
    each(
        run,
        (view, f) ->
            RuleViolation.checkEqual(count(view, v -> true), f.totalVmPages(), "total_vm"));
  }

  public static void kinds(SpaceSubject run) {
    each(
        run,
        (view, f) -> {
          RuleViolation.checkEqual(count(view, SumRules::isData), f.dataVmPages(), "data_vm");
          RuleViolation.checkEqual(
              count(view, v -> v.flags().contains("gd")), f.stackVmPages(), "stack_vm");
          RuleViolation.checkEqual(count(view, SumRules::isExec), f.execVmPages(), "exec_vm");
        });
  }

  private static boolean isData(VmaInfo v) {
    return v.flags().contains("wr") && !v.flags().contains("sh") && !v.flags().contains("gd");
  }

  private static boolean isExec(VmaInfo v) {
    return v.flags().contains("ex") && !v.flags().contains("wr") && !v.flags().contains("gd");
  }

  public static void locked(SpaceSubject run) {
    for (Pair process : run.processes) {
      View view = View.of(process.mm());
      long lost = process.model().space.lockedByDontUnmap;
      RuleViolation.checkEqual(
          count(view, v -> v.flags().contains("lo")) + lost,
          view.fields().lockedVmPages(),
          "locked_vm, with " + lost + " pages that MREMAP_DONTUNMAP unlocked and left counted,");
    }
  }

  public static void committed(SpaceSubject run) {
    each(
        run,
        (view, f) ->
            RuleViolation.checkEqual(
                count(view, v -> v.flags().contains("ac")), f.committedPages(), "committed"));
  }

  public static void highWater(SpaceSubject run) {
    for (Pair process : run.processes) {
      RuleViolation.checkEqual(
          process.model().space.hiwater,
          process.mm().fields().hiwaterVmPages(),
          "hiwater_vm, the largest total_vm after any call,");
    }
  }

  public static void heap(SpaceSubject run) {
    for (Pair process : run.processes) {
      MmFields fields = process.mm().fields();
      RuleViolation.checkEqual(process.model().space.brk, fields.brk(), "brk");
      RuleViolation.checkEqual(SpaceSetup.BRK, fields.places().startBrk(), "start_brk");
    }
    Act act = run.act();
    if (act != null && act.kind() == Act.Kind.BRK) {
      RuleViolation.checkEqual(run.expected().value(), run.seen().value(), "the break");
    }
  }

  /** After a call that made a process larger, it is within every limit that the call looks at. */
  public static void limits(SpaceSubject run) {
    Act act = run.act();
    if (act == null || act.kind() == Act.Kind.FORK || act.kind() == Act.Kind.EXIT) {
      return;
    }
    MmFields before = run.before.get(act.process()).fields();
    MmFields now = run.actor().mm().fields();
    NaiveSpace space = run.actor().model().space;
    within(space, ResourceLimit.AS, before.totalVmPages(), now.totalVmPages());
    // MAP_FIXED is checked for the pages that it adds, of whatever kind it replaces.
    boolean counts = act.kind() != Act.Kind.MPROTECT && (act.flags() & Bits.MAP_FIXED) == 0;
    if (counts && space.limitPages(ResourceLimit.DATA) != 0) {
      within(space, ResourceLimit.DATA, before.dataVmPages(), now.dataVmPages());
    }
    // MREMAP_DONTUNMAP counts locked pages twice; mremap asks the limit only for what it adds.
    boolean twice = act.kind() == Act.Kind.MREMAP && (act.flags() & Bits.MREMAP_DONTUNMAP) != 0;
    if (!twice && !space.mayLockAll()) {
      // mlockall asks for all pages that are mapped; those that are counted twice are not asked
      // for.
      long extra = act.kind() == Act.Kind.MLOCKALL ? space.lockedByDontUnmap : 0;
      within(space, ResourceLimit.MEMLOCK, before.lockedVmPages(), now.lockedVmPages() - extra);
    }
    int most = mostVmas(run, act, before, now);
    RuleViolation.check(
        now.mapCount() <= before.mapCount() || now.mapCount() <= most,
        "at most " + most + " VMAs after " + before.mapCount(),
        now.mapCount() + " VMAs");
    boolean refused = run.seen().value() == -Errno.ENOMEM || run.seen().value() == -Errno.EAGAIN;
    RuleViolation.check(
        !refused || run.expected().isError(),
        "no limit to refuse " + act + " = " + run.expected(),
        run.seen().toString());
  }

  /**
   * How many VMAs a call may leave that makes them more. mmap and brk are refused above {@code
   * vm.max_map_count}, so that they reach one more; splits are refused at it. What is to be
   * unmapped is cut at both of its ends without asking when these are in two VMAs; the cuts stay
   * when the call then fails.
   */
  private static int mostVmas(SpaceSubject run, Act act, MmFields before, MmFields now) {
    int max = run.setup.maxMapCount();
    boolean failed = act.kind() == Act.Kind.BRK ? before.brk() == now.brk() : run.seen().isError();
    return switch (act.kind()) {
      case MMAP, BRK -> failed ? Math.max(max + 1, before.mapCount() + 2) : max + 1;
      case MUNMAP, MREMAP -> failed ? Math.max(max, before.mapCount() + 2) : max;
      default -> max;
    };
  }

  private static void within(NaiveSpace space, ResourceLimit limit, long before, long now) {
    RuleViolation.check(
        now <= before || now <= space.limitPages(limit),
        "RLIMIT_" + limit + " of " + space.limitPages(limit) + " pages to be kept",
        now + " pages after " + before);
  }

  /**
   * The pages promised to all processes, shared memory included, are those of the model; with
   * overcommit_memory 2 they stay below what the machine has.
   */
  public static void overcommit(SpaceSubject run) {
    long sum = run.floor.committedPages();
    long before = run.committedBefore;
    RuleViolation.checkEqual(
        run.processes.getFirst().model().space.machine.committedPages(),
        sum,
        "pages promised to all processes and to their shared memory");
    long most = run.setup.ramKb() / 4 / 2;
    RuleViolation.check(
        run.setup.overcommit() != 2 || sum <= before || sum < most,
        "less than " + most + " pages promised",
        sum + " pages after " + before);
  }

  public static void usage(SpaceSubject run) {
    Pair process = run.actor();
    View view = View.of(process.mm());
    long rss = 0;
    for (VmaInfo vma : view.vmas()) {
      VmaUsage usage = process.mm().usage(vma.start());
      long resident = Letters.count(vma.pages(), "AaFf");
      long anon = Letters.count(vma.pages(), "Aa");
      RuleViolation.checkEqual(resident * 4, usage.rssKb(), "rss of " + View.line(vma));
      RuleViolation.checkEqual(anon * 4, usage.anonKb(), "anonymous of " + View.line(vma));
      RuleViolation.check(
          usage.lockedKb() == 0 || vma.flags().contains("lo"),
          "nothing locked in " + View.line(vma),
          usage.lockedKb() + " kB");
      rss += resident;
    }
    RuleViolation.checkEqual(rss, view.fields().rssPages(), "rss");
  }
}
