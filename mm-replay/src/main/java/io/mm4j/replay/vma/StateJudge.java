// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.Tally;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Judges state blocks: sizes, flags and page states of every VMA, and the status line. */
final class StateJudge {
  private final Tally tally;
  private final boolean anyMapper;

  /**
   * A judge for one recording.
   *
   * @param anyMapper whether pages mapped by other processes of the machine count as shared, so
   *     that {@code F} and {@code f} compare equal
   */
  StateJudge(Tally tally, boolean anyMapper) {
    this.tally = tally;
    this.anyMapper = anyMapper;
  }

  /** Judges one block against the process as it is; the call number is only for evidence. */
  void judge(VmaEvent.State state, ReplayedProcess process, long call) {
    Map<Long, VmaInfo> ours = new HashMap<>();
    process.mm().forEachVma(vma -> ours.put(vma.start(), vma));
    for (StateLine line : state.lines()) {
      VmaInfo vma = ours.get(line.maps().start());
      if (vma != null && vma.end() != line.maps().end()) {
        vma = null;
      }
      judge(state, line, vma, process.mm(), call);
    }
    Map<String, Long> status = MmStatus.of(process.mm(), ours.values());
    state
        .status()
        .forEach(
            (key, kernel) -> {
              Long mine = status.get(key);
              if (mine != null) {
                compare(
                    VmaChecks.STATUS, kernel, mine, state.statusLine(), call, "status " + key, "");
              }
            });
  }

  private void judge(
      VmaEvent.State state, StateLine line, @Nullable VmaInfo vma, AddressSpace mm, long call) {
    AddressSpace.VmaUsage usage = vma == null ? null : mm.usage(vma.start());
    String pages = vma == null ? null : vma.pages();
    String place = line.maps().toString();
    long at = state.line();
    String when = "state " + state.when() + " of " + line.maps().name();
    compare(
        VmaChecks.RSS, line.rssKb(), usage == null ? null : usage.rssKb(), at, call, when, place);
    compare(
        VmaChecks.ANON,
        line.anonKb(),
        usage == null ? null : usage.anonKb(),
        at,
        call,
        when,
        place);
    compare(
        VmaChecks.LOCKED,
        line.lockedKb(),
        usage == null ? null : usage.lockedKb(),
        at,
        call,
        when,
        place);
    compare(
        VmaChecks.AHP,
        line.anonHugeKb(),
        usage == null ? null : usage.anonHugeKb(),
        at,
        call,
        when,
        place);
    compare(
        VmaChecks.FLAGS,
        line.flags(),
        vma == null ? null : String.join(",", vma.flags()),
        at,
        call,
        when,
        place);
    if (!line.pages().equals("?")) {
      compare(
          VmaChecks.PAGES,
          normal(line.pages()),
          pages == null ? null : normal(comparable(pages, line.pages(), vma)),
          at,
          call,
          when,
          place);
    }
  }

  /**
   * The pages here as they are compared with the kernel's. Of a page of 1 GiB pagemap takes the
   * table of its entry for shared by a count that only tables of a lower level have ({@code
   * hugetlb_pmd_shared}, include/linux/hugetlb.h of Linux 6.18): what was left there decides, so
   * that a page that is mapped once can be shown as shared.
   */
  private static String comparable(String pages, String kernel, @Nullable VmaInfo vma) {
    OpenFile file = vma == null ? null : vma.file();
    return file != null && file.file().kind() == MappedFile.Kind.HUGETLB_1G
        ? PageRuns.exclusiveInBoth(pages, kernel)
        : pages;
  }

  private String normal(String pages) {
    return anyMapper ? PageRuns.joined(pages.replace('f', 'F')) : pages;
  }

  private void compare(
      String check,
      Object kernel,
      @Nullable Object ours,
      long line,
      long call,
      String what,
      String place) {
    if (kernel.equals(ours)) {
      tally.equal(check);
    } else if (tally.differs(check)) {
      String mine = ours == null ? "no such VMA" : ours.toString();
      Evidence evidence = new Evidence();
      if (!place.isEmpty()) {
        evidence.line("  " + place);
      }
      evidence.answers(check + "=" + kernel, check + "=" + mine);
      tally.evidence(
          new FirstDifference(
              check,
              line,
              call,
              what + ": " + check + "=" + kernel + " in Linux, " + mine + " here",
              evidence.lines()));
    }
  }
}
