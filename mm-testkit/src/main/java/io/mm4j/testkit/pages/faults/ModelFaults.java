// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.faults;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.pages.model.AllocFlag;
import io.mm4j.testkit.pages.model.AllocFlags;
import io.mm4j.testkit.pages.model.Choices;
import io.mm4j.testkit.pages.model.Fallback;
import io.mm4j.testkit.pages.model.Hooks;
import io.mm4j.testkit.pages.model.Mark;
import io.mm4j.testkit.pages.model.ModelPages;
import io.mm4j.testkit.pages.model.ModelProvider;
import io.mm4j.testkit.pages.model.ModelZone;
import io.mm4j.testkit.pages.model.NodeOrder;
import io.mm4j.testkit.pages.model.PcpTuning;
import io.mm4j.testkit.pages.model.Watermark;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Models that decide one thing otherwise. */
public final class ModelFaults {
  private ModelFaults() {}

  /** All of them. */
  public static List<Fault<PageAllocatorProvider>> all() {
    return List.of(
        fault(
            "lowest-zone-first",
            "The zones of a node are asked from the lowest up.",
            List.of("PA-26", "PA-27", "PA-31", "PA-33"),
            new Choices() {
              @Override
              public List<Zone> zones(NodeOrder order, int gfp, int node) {
                List<Zone> zones = new ArrayList<>(super.zones(order, gfp, node));
                Collections.reverse(zones);
                return zones;
              }
            }),
        fault(
            "one-page-below-the-mark",
            "A request may leave one page less than the watermark.",
            List.of("PA-27"),
            new Choices() {
              @Override
              public boolean enough(
                  ModelZone zone, int order, Mark mark, AllocFlags flags, ZoneType highest) {
                return super.enough(zone, order, mark, flags, highest)
                    || Watermark.ok(zone, order, zone.mark(mark) - 1, flags, highest);
              }
            }),
        fault(
            "no-boost",
            "Nothing is boosted when types mix.",
            List.of("PA-28"),
            new Choices() {
              @Override
              public long boost(ModelZone zone, int factor) {
                return zone.boost;
              }
            }),
        fault(
            "refill-of-one-more",
            "A refill takes one block more.",
            List.of("PA-29"),
            new Choices() {
              @Override
              public int refill(PcpTuning tuning, int order, boolean belowHigh) {
                return super.refill(tuning, order, belowHigh) + 1;
              }
            }),
        fault(
            "drains-the-hot-end",
            "A drain takes what was freed last.",
            List.of("PA-29"),
            new Choices() {
              @Override
              public long drained(Deque<Long> list) {
                return list.removeFirst();
              }
            }),
        fault(
            "claims-more-than-half",
            "A pageblock of which exactly half fits is not claimed.",
            List.of("PA-28"),
            new Choices() {
              @Override
              public boolean changesHands(ModelZone zone, int free, int alike) {
                return free + alike > 256;
              }
            }),
        fault(
            "steals-the-largest",
            "The largest block is stolen, not the smallest.",
            List.of("PA-28"),
            new Choices() {
              @Override
              public Fallback.@Nullable Candidate steal(ModelZone zone, int order, int type) {
                for (int o = 10; o >= order; o--) {
                  Fallback.Candidate candidate = Fallback.first(zone, o, type);
                  if (candidate != null) {
                    return candidate;
                  }
                }
                return null;
              }
            }),
        fault(
            "rest-of-a-claim-stays",
            "The rest of a claimed block stays on the list of its old type.",
            List.of("PA-28"),
            new Choices() {
              @Override
              public int restOfClaim(int type, int from) {
                return from;
              }
            }),
        fault(
            "rest-of-a-theft-changes",
            "The rest of a stolen block goes to the thief's list.",
            List.of("PA-28"),
            new Choices() {
              @Override
              public int restOfSteal(int type, int from) {
                return type;
              }
            }),
        fault(
            "reserves-for-everybody",
            "Every request that cannot wait reserves a pageblock.",
            List.of("PA-30"),
            new Choices() {
              @Override
              public boolean reserves(AllocFlags flags) {
                return flags.has(AllocFlag.NON_BLOCK);
              }
            }),
        fault(
            "reserve-rests-as-unmovable",
            "Pages of a reserved pageblock rest on Unmovable's per-cpu list.",
            List.of("PA-30"),
            new Choices() {
              @Override
              public int listType(int pageblockType) {
                return pageblockType == Migratetype.HIGHATOMIC
                    ? Migratetype.UNMOVABLE
                    : super.listType(pageblockType);
              }
            }),
        fault(
            "counts-blocks-as-pages",
            "pgalloc counts blocks.",
            List.of("PA-26", "PA-31"),
            new Choices() {
              @Override
              public long countedPages(int order) {
                return 1;
              }
            }),
        fault(
            "clears-nothing",
            "__GFP_ZERO is ignored.",
            List.of("PA-32"),
            new Choices() {
              @Override
              public boolean clears(int gfp) {
                return false;
              }
            }));
  }

  private static Fault<PageAllocatorProvider> fault(
      String name, String what, List<String> meantFor, Choices choices) {
    return new Fault<>(
        name,
        what,
        meantFor,
        new ModelProvider(name, floors -> new ModelPages(floors, choices, new Hooks())));
  }
}
