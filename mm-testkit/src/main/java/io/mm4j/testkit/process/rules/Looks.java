// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.ToLongFunction;

/** What cases look at: errors, pages, flags, sums. */
final class Looks {
  private static final Set<String> RIGHTS = Set.of("rd", "wr", "ex", "mr", "mw", "me");

  private Looks() {}

  /** A call that must fail. */
  static void fails(Rig rig, String what, int errno, long result) {
    rig.gives(what, -errno, result);
  }

  /** A call that must give an address or 0. */
  static long works(String what, long result) {
    RuleViolation.check(
        !Errno.isError(result), "success from " + what, "" + new Act.Answer(result));
    return result;
  }

  /** The letters of the pages in a range; {@code -} where nothing is mapped. */
  static void pages(Rig rig, long start, long bytes, String expected) {
    StringBuilder letters = new StringBuilder();
    rig.mm.forEachVma(
        start,
        start + bytes,
        v -> {
          fill(letters, '-', (Math.max(v.start(), start) - start) / Bits.PAGE);
          for (String run : v.pages().split(",", -1)) {
            char letter = run.charAt(0);
            long n = run.length() > 1 ? Long.parseLong(run.substring(1)) : v.bytes() / Bits.PAGE;
            fill(letters, letter, letters.length() + n);
          }
          if (v.start() < start) {
            letters.delete(0, (int) ((start - v.start()) / Bits.PAGE));
          }
        });
    fill(letters, '-', bytes / Bits.PAGE);
    letters.setLength((int) (bytes / Bits.PAGE));
    String seen = Letters.runs(letters);
    RuleViolation.check(
        seen.equals(expected),
        "pages " + expected + " from " + Long.toHexString(start) + " on",
        seen);
  }

  private static void fill(StringBuilder letters, char letter, long length) {
    while (letters.length() < length) {
      letters.append(letter);
    }
  }

  /** The VmFlags of the VMA at an address, without those of rights. */
  static void flags(Rig rig, long addr, String expected) {
    List<String> out = new ArrayList<>();
    rig.mm.forEachVma(
        addr, addr + 1, v -> v.flags().stream().filter(f -> !RIGHTS.contains(f)).forEach(out::add));
    String seen = String.join(" ", out);
    RuleViolation.check(
        seen.equals(expected),
        "VmFlags '" + expected + "' at " + Long.toHexString(addr),
        "'" + seen + "'");
  }

  /** The rights that the VMA at an address may have. */
  static void may(Rig rig, long addr, String expected) {
    List<String> out = new ArrayList<>();
    rig.mm.forEachVma(
        addr, addr + 1, v -> v.flags().stream().filter(f -> f.charAt(0) == 'm').forEach(out::add));
    String seen = String.join(" ", out);
    RuleViolation.check(
        seen.equals(expected),
        "rights '" + expected + "' at " + Long.toHexString(addr),
        "'" + seen + "'");
  }

  /** One of the sums. */
  static void sum(Rig rig, String what, ToLongFunction<MmFields> which, long expected) {
    RuleViolation.checkEqual(expected, which.applyAsLong(rig.mm.fields()), what);
  }

  static void rss(Rig rig, long expected) {
    sum(rig, "rss", MmFields::rssPages, expected);
  }

  static void locked(Rig rig, long expected) {
    sum(rig, "locked_vm", MmFields::lockedVmPages, expected);
  }

  static void committed(Rig rig, long expected) {
    RuleViolation.checkEqual(expected, rig.floor.committedPages(), "Committed_AS in pages");
  }

  /** AnonHugePages of the VMA that begins at an address. */
  static void anonHuge(Rig rig, long addr, long kb) {
    RuleViolation.checkEqual(
        kb, rig.mm.usage(addr).anonHugeKb(), "AnonHugePages at " + Long.toHexString(addr));
  }

  /** A touch that must end so; of one that fails no byte is known, but for the key of PKUERR. */
  static void ends(String what, Kind kind, TouchOutcome outcome) {
    RuleViolation.check(outcome.kind() == kind, kind + " from " + what, outcome.kind().toString());
    RuleViolation.check(
        kind == Kind.OK || kind == Kind.SEGV_PKUERR || outcome.value() == TouchOutcome.UNKNOWN,
        "no byte from " + what,
        "" + outcome.value());
  }

  /** What mincore says of a range. */
  static void mincore(Rig rig, long addr, long bytes, String expected) {
    StringBuilder vector = new StringBuilder();
    long vec = Act.SCRATCH;
    rig.gives("mincore", 0, rig.mm.mincore(addr, bytes, vec, vector::append));
    String seen = Letters.runs(vector);
    RuleViolation.check(
        seen.equals(expected), expected + " from mincore at " + Long.toHexString(addr), seen);
  }

  /** The VMAs that overlap a range. */
  static List<VmaInfo> vmas(Rig rig, long start, long end) {
    List<VmaInfo> out = new ArrayList<>();
    rig.mm.forEachVma(start, end, out::add);
    return out;
  }
}
