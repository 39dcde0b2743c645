// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import static io.mm4j.api.page.FallbackRule.NONE;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FallbackRule;
import io.mm4j.api.page.Migratetype;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Compares every recorded decision about migratetypes with what a {@link FallbackRule} decides from
 * the same counts.
 *
 * <ul>
 *   <li><b>own</b> ({@code z}): the block comes off the list of its type, from the order that the
 *       rule takes.
 *   <li><b>whole</b> ({@code E} with its pageblock): the own list has nothing; going down from the
 *       largest order, the rule's first candidate is this order and type, and it takes whole
 *       pageblocks there.
 *   <li><b>claim</b> ({@code e}): the own list has nothing; going down, the rule reaches this order
 *       and type, and every candidate before it can have failed; the pageblock can be claimed.
 *   <li><b>steal</b> ({@code E} without its pageblock): the own list has nothing, every candidate
 *       for a claim can have failed, and the rule steals from this order and type.
 * </ul>
 *
 * <p>A claim is tried with the block at the head of a list, and which block that was is not
 * recorded; nor is how many pages of a pageblock can be moved. So a claim <i>can</i> have failed if
 * the list has a block in a pageblock that is not certain to be claimed, and can have gone through
 * if some number of movable pages lets it. A request that has stolen goes on to steal for the rest
 * of its refill without trying claims again, so the candidates are checked for the first of these.
 */
final class FallbackJudge implements TypedTrace.Judge {
  private final KmemSource source;
  private final RecordedZones zones;
  private final TypedBlocks blocks;
  private final FallbackRule rule;
  private final Tally own = new Tally("own");
  private final Tally whole = new Tally("whole");
  private final Tally claim = new Tally("claim");
  private final Tally steal = new Tally("steal");
  private @Nullable FirstDifference first;
  private int lastStealCpu = -1;
  private int lastStealZone;
  private int lastStealType;

  /** Decisions of one kind. */
  private static final class Tally {
    final String kind;
    long total;
    long equal;

    Tally(String kind) {
      this.kind = kind;
    }
  }

  FallbackJudge(KmemSource source, RecordedZones zones, TypedBlocks blocks, FallbackRule rule) {
    this.source = source;
    this.zones = zones;
    this.blocks = blocks;
    this.rule = rule;
  }

  void run() {
    Fallbacks.load(source, zones, blocks);
    TypedTrace trace = new TypedTrace(zones, blocks, this);
    try (TraceReader event = new TraceReader(source, zones)) {
      while (event.next()) {
        if (event.op() != 'E' && event.cpu() == lastStealCpu) {
          lastStealCpu = -1;
        }
        trace.apply(event);
      }
    }
    trace.finish();
  }

  @Override
  public void own(TypedTrace.Removal z) {
    own.total++;
    blocks.ask(z.zone);
    int wanted = rule.ownOrder(blocks, z.order, z.type);
    if (blocks.find(z.zone, z.pfn, z.order)
        && blocks.type(blocks.foundHead()) == z.type
        && blocks.foundOrder() == wanted) {
      own.equal++;
    } else if (first == null) {
      String found =
          blocks.find(z.zone, z.pfn, z.order)
              ? "it came from the list "
                  + Migratetype.name(blocks.type(blocks.foundHead()))
                  + " of order "
                  + blocks.foundOrder()
              : "it was not free";
      first =
          difference(
              z.line,
              "'" + z + "': the rule takes order " + wanted + " of " + Migratetype.name(z.type),
              found,
              z.zone);
    }
  }

  @Override
  public void claim(TraceReader event) {
    blocks.ask(event.zone());
    int order = event.fallbackOrder();
    int type = event.fallbackType();
    int reached = candidate(event, order);
    boolean fits =
        !rule.takesWholeBlocks(order)
            && blocks.type(event.pfn()) == type
            && blocks.blocksIn(event.pfn(), order) > 0
            && canBeClaimed(event.pfn(), event.type(), type);
    boolean same = ownListIsEmpty(event) && reached == order && firstType(event, order) == type;
    decided(claim, event, same && fits, reached);
  }

  @Override
  public void other(TraceReader event) {
    blocks.ask(event.zone());
    int order = event.fallbackOrder();
    boolean listed =
        ownListIsEmpty(event)
            && firstType(event, order) == event.fallbackType()
            && blocks.find(event.zone(), event.pfn(), event.order())
            && blocks.foundOrder() == order
            && blocks.type(blocks.foundHead()) == event.fallbackType();
    if (event.changesOwner()) {
      int reached = candidate(event, order);
      decided(whole, event, listed && reached == order && rule.takesWholeBlocks(order), reached);
      return;
    }
    int wanted = rule.stealOrder(blocks, event.order(), event.type());
    boolean goesOn =
        lastStealCpu == event.cpu()
            && lastStealZone == event.zone()
            && lastStealType == event.type();
    boolean claimsFailed = goesOn || candidate(event, NONE) == NONE;
    lastStealCpu = event.cpu();
    lastStealZone = event.zone();
    lastStealType = event.type();
    decided(steal, event, listed && wanted == order && claimsFailed, wanted);
  }

  private boolean ownListIsEmpty(TraceReader event) {
    return rule.ownOrder(blocks, event.order(), event.type()) == NONE;
  }

  private int firstType(TraceReader event, int order) {
    return rule.firstType(blocks, order, event.type());
  }

  /**
   * Goes through the rule's candidates for a claim as long as they can have failed.
   *
   * @param until the order to stop at, or NONE for none
   * @return the order of the first candidate that is {@code until} or cannot have failed
   */
  private int candidate(TraceReader event, int until) {
    int type = event.type();
    int order = rule.claimOrder(blocks, Pages.MAX_PAGE_ORDER, event.order(), type);
    while (order != NONE && order != until) {
      if (rule.takesWholeBlocks(order)
          || !blocks.mayBeShort(rule.firstType(blocks, order, type), order)) {
        return order;
      }
      order = rule.claimOrder(blocks, order - 1, event.order(), type);
    }
    return order;
  }

  /** Whether some number of movable pages lets the claim through. */
  private boolean canBeClaimed(long pfn, int type, int blockType) {
    int free = blocks.freeIn(pfn);
    int rest = Pages.PAGEBLOCK_NR_PAGES - free;
    return rule.claims(free, rule.alikePages(type, blockType, free, 0))
        || rule.claims(free, rule.alikePages(type, blockType, free, rest));
  }

  private void decided(Tally kind, TraceReader event, boolean same, int wanted) {
    kind.total++;
    if (same) {
      kind.equal++;
      return;
    }
    if (first == null) {
      String rules =
          wanted == NONE
              ? "the rule finds nothing"
              : "the rule takes order "
                  + wanted
                  + " of "
                  + Migratetype.name(Math.max(0, firstType(event, wanted)));
      first =
          difference(
              event.line(),
              "'" + event.text() + "' (" + kind.kind + "): " + rules,
              "the kernel took order "
                  + event.fallbackOrder()
                  + " of "
                  + Migratetype.name(event.fallbackType())
                  + " for order "
                  + event.order()
                  + " of "
                  + Migratetype.name(event.type()),
              event.zone());
    }
  }

  private FirstDifference difference(long line, String what, String kernel, int zone) {
    List<String> evidence = new ArrayList<>();
    evidence.add(kernel);
    evidence.add("free blocks of " + zones.list().get(zone) + " by order, before it:");
    blocks.ask(zone);
    for (int t = 0; t < Migratetype.PCPTYPES; t++) {
      StringBuilder row = new StringBuilder(String.format("  %-11s", Migratetype.name(t)));
      for (int o = 0; o < Counts.ORDERS; o++) {
        row.append(String.format(" %6d", blocks.freeBlocks(o, t)));
      }
      evidence.add(row.toString());
    }
    return new FirstDifference(KmemChecks.FALLBACK, line, 0, what, evidence);
  }

  /** The check: all decisions, and how many of each kind. */
  CheckResult result() {
    List<Tally> tallies = List.of(own, whole, claim, steal);
    CheckResult result =
        CheckResult.judged(
            KmemChecks.FALLBACK,
            tallies.stream().mapToLong(t -> t.total).sum(),
            tallies.stream().mapToLong(t -> t.equal).sum());
    for (Tally tally : tallies) {
      result = result.with(tally.kind, List.of(tally.total, tally.equal));
    }
    return result;
  }

  @Nullable FirstDifference firstDifference() {
    return first;
  }
}
