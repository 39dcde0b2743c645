// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.pages.model.Fallback;
import io.mm4j.testkit.pages.model.Fallback.Candidate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Lets a model decide what a recorded kernel decided, from the counts before each decision. The
 * statements have the numbers of section C7 in the README of the recordings.
 *
 * <p>A claim is tried with the block at the head of a list, and which one that was is not recorded;
 * so a candidate <i>can have failed</i> if its list has a block in a pageblock that is not certain
 * to change hands.
 */
final class ModelJudge implements TypedTrace.Judge {
  /** {@code z}: off the list of its type, from the smallest order that suffices. */
  static final String OWN = "1 own list, smallest order";

  /** {@code e} and {@code E}: nothing of the own type suffices. */
  static final String EMPTY = "2 own list has nothing";

  /** {@code E} with its pageblocks. */
  static final String WHOLE = "3 whole pageblocks: order and type";

  /** {@code E} without: order and type. */
  static final String STEAL = "4 steal: order and type";

  /** {@code e}: the first type of its order, and no order above the largest candidate's. */
  static final String CLAIM_TYPE = "5 claim: first type";

  /** {@code e}: the pageblock was of that type and had a block of that order. */
  static final String CLAIM_BLOCK = "5 claim: the pageblock";

  /** {@code e}: every candidate before it can have failed. */
  static final String CLAIM_ORDER = "5 claim: larger orders can have failed";

  /** {@code E} without: every candidate for a claim can have failed. */
  static final String STEAL_ORDER = "6 steal: all claims can have failed";

  /** {@code e} between Unmovable and Reclaimable: half of the pageblock is free. */
  static final String CLAIM_FREE = "7 claim: half of it is free";

  /** {@code e}: some number of movable pages lets it through. */
  static final String CLAIM_FITS = "7 claim: can change hands";

  /** How often a statement was put to the test and held. */
  static final class Score {
    long total;
    long equal;

    @Override
    public String toString() {
      return equal + "/" + total;
    }
  }

  private final RecordedZones zones;
  private final TypedBlocks blocks;
  private final DecisionModel model;
  private final Map<String, Score> scores = new LinkedHashMap<>();
  private @Nullable String first;

  private ModelJudge(RecordedZones zones, TypedBlocks blocks, DecisionModel model) {
    this.zones = zones;
    this.blocks = blocks;
    this.model = model;
  }

  /** Judges a model by a recording. */
  static ModelJudge judge(KmemSource source, DecisionModel model) {
    RecordedZones zones = RecordedZones.read(source);
    TypedBlocks blocks = TrackedCounts.atStart(source, zones);
    ModelJudge judge = new ModelJudge(zones, blocks, model);
    TypedTrace trace = new TypedTrace(zones, blocks, judge);
    try (TraceReader event = new TraceReader(source, zones)) {
      while (event.next()) {
        trace.apply(event);
      }
    }
    trace.finish();
    return judge;
  }

  /** By statement, in the order in which they were met first. */
  Map<String, Score> scores() {
    return scores;
  }

  /** How often a statement held, as {@code equal/total}. */
  String score(String statement) {
    return scores.getOrDefault(statement, new Score()).toString();
  }

  /** The first decision that the model takes otherwise, or null. */
  @Nullable String first() {
    return first;
  }

  private void count(String statement, boolean holds, long line, String what, int zone) {
    Score score = scores.computeIfAbsent(statement, s -> new Score());
    score.total++;
    if (holds) {
      score.equal++;
    } else if (first == null) {
      first = "line " + line + " '" + what + "': " + statement + "; " + countsOf(zone);
    }
  }

  private String countsOf(int zone) {
    StringBuilder text = new StringBuilder(zones.list().get(zone).toString());
    for (int type = 0; type < Migratetype.PCPTYPES; type++) {
      text.append(' ').append(Migratetype.name(type));
      for (int o = 0; o < Counts.ORDERS; o++) {
        text.append(o == 0 ? " " : ",").append(blocks.freeBlocks(o, type));
      }
    }
    return text.toString();
  }

  @Override
  public void own(TypedTrace.Removal z) {
    blocks.ask(z.zone);
    Candidate wanted = model.own(blocks, z.order, z.type);
    boolean holds =
        wanted != null
            && blocks.find(z.zone, z.pfn, z.order)
            && blocks.foundOrder() == wanted.order()
            && blocks.type(blocks.foundHead()) == wanted.type();
    count(OWN, holds, z.line, z.toString(), z.zone);
  }

  @Override
  public void claim(TraceReader event) {
    blocks.ask(event.zone());
    int type = event.type();
    int order = event.fallbackOrder();
    int owner = event.fallbackType();
    long pfn = event.pfn();
    ownIsEmpty(event);
    List<Candidate> claims = model.claims(blocks, event.order(), type);
    Candidate here = model.first(blocks, order, type);
    count(
        CLAIM_TYPE,
        here != null
            && here.type() == owner
            && !claims.isEmpty()
            && order <= claims.getFirst().order(),
        event);
    count(CLAIM_BLOCK, blocks.type(pfn) == owner && blocks.blocksIn(pfn, order) > 0, event);
    count(CLAIM_ORDER, reaches(claims, new Candidate(order, owner)), event);
    if (type != Migratetype.MOVABLE && owner != Migratetype.MOVABLE) {
      count(CLAIM_FREE, Fallback.changesHands(blocks.freeIn(pfn), 0), event);
    }
    count(CLAIM_FITS, model.mayChangeHands(type, owner, blocks.freeIn(pfn)), event);
  }

  @Override
  public void other(TraceReader event) {
    blocks.ask(event.zone());
    int type = event.type();
    Candidate kernel = new Candidate(event.fallbackOrder(), event.fallbackType());
    ownIsEmpty(event);
    boolean there =
        blocks.find(event.zone(), event.pfn(), event.order())
            && blocks.foundOrder() == kernel.order()
            && blocks.type(blocks.foundHead()) == kernel.type();
    List<Candidate> claims = model.claims(blocks, event.order(), type);
    if (event.changesOwner()) {
      count(
          WHOLE,
          there
              && !claims.isEmpty()
              && claims.getFirst().equals(kernel)
              && Fallback.takesWholeBlocks(kernel.order()),
          event);
      return;
    }
    count(STEAL, there && kernel.equals(model.steal(blocks, event.order(), type)), event);
    count(STEAL_ORDER, reaches(claims, null), event);
  }

  private void ownIsEmpty(TraceReader event) {
    count(EMPTY, model.own(blocks, event.order(), event.type()) == null, event);
  }

  private void count(String statement, boolean holds, TraceReader event) {
    count(statement, holds, event.line(), event.text(), event.zone());
  }

  /** Whether every candidate before the wanted one can have failed; null: every one. */
  private boolean reaches(List<Candidate> claims, @Nullable Candidate wanted) {
    for (Candidate candidate : claims) {
      if (candidate.equals(wanted)) {
        return true;
      }
      if (Fallback.takesWholeBlocks(candidate.order())
          || !blocks.mayBeShort(candidate.type(), candidate.order())) {
        return false;
      }
    }
    return wanted == null;
  }
}
