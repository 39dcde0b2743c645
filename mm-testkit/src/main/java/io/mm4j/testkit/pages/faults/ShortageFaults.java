// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.pages.model.AllocFlag;
import io.mm4j.testkit.pages.model.AllocFlags;
import io.mm4j.testkit.pages.model.Background;
import io.mm4j.testkit.pages.model.Choices;
import io.mm4j.testkit.pages.model.HighAtomicReserve;
import io.mm4j.testkit.pages.model.Hooks;
import io.mm4j.testkit.pages.model.Mark;
import io.mm4j.testkit.pages.model.ModelKswapd;
import io.mm4j.testkit.pages.model.ModelPages;
import io.mm4j.testkit.pages.model.ModelProvider;
import io.mm4j.testkit.pages.model.ModelSlow;
import io.mm4j.testkit.pages.model.ModelZone;
import io.mm4j.testkit.pages.model.NodeOrder;
import io.mm4j.testkit.pages.model.PerCpu;
import io.mm4j.testkit.pages.model.Request;
import io.mm4j.testkit.pages.model.Slow;
import io.mm4j.testkit.pages.model.State;
import io.mm4j.testkit.pages.model.Walk;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Models that do one thing otherwise when memory is short, or when much is asked for at once. */
public final class ShortageFaults {
  private ShortageFaults() {}

  /** What a request becomes. */
  @FunctionalInterface
  private interface Flags {
    int of(int gfp, int order);
  }

  public static List<Fault<PageAllocatorProvider>> all() {
    return List.of(
        choices(
            "nodes-by-number",
            "Nodes are asked in the order of their numbers.",
            List.of("PA-51", "PA-53"),
            new Choices() {
              @Override
              public List<Zone> zones(NodeOrder order, int gfp, int node) {
                return super.zones(order, gfp, node).stream()
                    .sorted(Comparator.comparingInt(Zone::nodeId))
                    .toList();
              }
            }),
        choices(
            "no-half-for-high",
            "__GFP_HIGH does not lower the mark.",
            List.of("PA-52"),
            new Choices() {
              @Override
              public boolean enough(
                  ModelZone zone, int order, Mark mark, AllocFlags flags, ZoneType highest) {
                return super.enough(
                    zone, order, mark, flags.without(AllocFlag.MIN_RESERVE), highest);
              }
            }),
        flags(
            "one-round-of-reclaim",
            "Every request gives up after one round of reclaim.",
            List.of("PA-54", "PA-55"),
            (gfp, order) -> gfp | Gfp.__GFP_NORETRY),
        flags(
            "leaves-reclaim-to-others",
            "Nobody reclaims for a request for more than one page.",
            List.of("PA-56"),
            (gfp, order) -> order > 0 ? gfp & ~Gfp.__GFP_DIRECT_RECLAIM : gfp),
        kswapd(
            "nobody-wakes-kswapd",
            "Requests do not wake kswapd.",
            "PA-57",
            state ->
                new ModelKswapd(state) {
                  @Override
                  public void wakeAll(Request request) {}
                }),
        kswapd(
            "kswapd-stops-at-low",
            "kswapd is content with the low mark.",
            "PA-58",
            state ->
                new ModelKswapd(state) {
                  @Override
                  public long target(ModelZone zone) {
                    return zone.mark(Mark.LOW);
                  }
                }),
        kswapd(
            "kswapd-goes-on",
            "kswapd asks 24 times.",
            "PA-59",
            state ->
                new ModelKswapd(state) {
                  @Override
                  public int rounds() {
                    return 24;
                  }
                }),
        kswapd(
            "hope-dies-late",
            "kswapd tries once more where 16 runs got nothing.",
            "PA-59",
            state ->
                new ModelKswapd(state) {
                  @Override
                  public int hopeless() {
                    return 17;
                  }
                }),
        kswapd(
            "hope-never-returns",
            "A node without hope stays so whatever direct reclaim gets.",
            "PA-59",
            state ->
                new ModelKswapd(state) {
                  @Override
                  public void gained(Request request) {}
                }),
        kswapd(
            "hopes-for-all-or-nothing",
            "Only a round that brought all that was wanted gives kswapd hope.",
            "PA-35",
            state ->
                new ModelKswapd(state) {
                  @Override
                  public boolean givesHope(long pages, long want) {
                    return pages >= want;
                  }
                }),
        kswapd(
            "kswapd-clings-to-the-order",
            "kswapd wants the block itself however much it has freed.",
            "PA-58",
            state ->
                new ModelKswapd(state) {
                  @Override
                  public long gap(int order) {
                    return Long.MAX_VALUE;
                  }
                }),
        kswapd(
            "keeps-the-boost",
            "kswapd leaves the marks raised.",
            "PA-60",
            state ->
                new ModelKswapd(state) {
                  @Override
                  public long back(long boost) {
                    return 0;
                  }
                }),
        kswapd(
            "boost-without-end",
            "kswapd tries harder and harder for a boost.",
            "PA-34",
            state ->
                new ModelKswapd(state) {
                  @Override
                  public boolean boostEnds() {
                    return false;
                  }
                }),
        kswapd(
            "wakes-without-need",
            "kswapd is woken although the node is in balance.",
            "PA-61",
            state ->
                new ModelKswapd(state) {
                  @Override
                  public boolean needed(int node, int order, ZoneType highest) {
                    return true;
                  }
                }),
        pages(
            "bulk-overwrites",
            "A bulk request fills places that hold a frame.",
            List.of("PA-62"),
            floors ->
                new ModelPages(floors, new Choices(), new Hooks()) {
                  @Override
                  public boolean overwrites() {
                    return true;
                  }
                }),
        pages(
            "bulk-clears-nothing",
            "Pages of a bulk request are not zeroed.",
            List.of("PA-63"),
            floors ->
                new ModelPages(floors, new Choices(), new Hooks()) {
                  @Override
                  public Request bulkRequest(Request r) {
                    return request(r.cpu(), r.gfp() & ~Gfp.__GFP_ZERO, 0, NUMA_NO_NODE, null);
                  }
                }),
        pages(
            "bulk-looks-at-low-only",
            "A bulk request does not add its number to the mark.",
            List.of("PA-64"),
            floors ->
                new ModelPages(floors, new Choices(), new Hooks()) {
                  @Override
                  @Nullable
                  public ModelZone bulkZone(Request request, int wanted) {
                    return super.bulkZone(request, 0);
                  }
                }),
        pages(
            "isolated-pages-rest",
            "What is freed in an isolated pageblock goes to a list of Movable.",
            List.of("PA-95"),
            floors ->
                new ModelPages(
                    floors,
                    new Choices() {
                      @Override
                      public int listType(int pageblockType) {
                        int type = super.listType(pageblockType);
                        return type < 0 ? Migratetype.MOVABLE : type;
                      }
                    },
                    new Hooks())),
        pages(
            "bulk-asks-any-node",
            "A bulk request takes many pages from nodes that are not in its mask.",
            List.of("PA-64"),
            floors ->
                new ModelPages(floors, new Choices(), new Hooks()) {
                  @Override
                  @Nullable
                  public NodeMask bulkMask(@Nullable NodeMask nodes) {
                    return null;
                  }
                }),
        pages(
            "split-takes-what-others-hold",
            "A shared block is split.",
            List.of("PA-72"),
            floors ->
                new ModelPages(floors, new Choices(), new Hooks()) {
                  @Override
                  public void splitPage(long pfn, int order) {
                    state.map.setRefcount(pfn, 1);
                    super.splitPage(pfn, order);
                  }
                }),
        pages(
            "orders-are-cut",
            "An order above 10 is taken for 10.",
            List.of("PA-73"),
            floors ->
                new ModelPages(floors, new Choices(), new Hooks()) {
                  @Override
                  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
                    return super.allocPages(cpu, gfp, Math.min(order, 10), nodeId);
                  }
                }),
        pages(
            "gives-up-what-is-in-use",
            "Every other time a reserve without a free page counts as given up.",
            List.of("PA-41"),
            floors -> new ModelPages(floors, new Choices(), new UsedReserve())),
        plain(
            "hands-out-isolated-blocks",
            "Isolated blocks are given when nothing else is left.",
            "PA-74",
            floors ->
                new PlainPages(floors) {
                  @Override
                  int types() {
                    return Migratetype.TYPES;
                  }
                }),
        plain(
            "all-to-movable",
            "Every freed block goes to Movable's list.",
            "PA-75",
            floors ->
                new PlainPages(floors) {
                  @Override
                  int list(Zone zone, long pfn) {
                    return Migratetype.MOVABLE;
                  }
                }),
        plain(
            "reclaims-once",
            "Reclaim is asked once.",
            "PA-76",
            floors ->
                new PlainPages(floors) {
                  @Override
                  int rounds() {
                    return 1;
                  }
                }),
        plain(
            "asks-the-last-resort-once",
            "The last resort is asked once.",
            "PA-39",
            floors ->
                new PlainPages(floors) {
                  @Override
                  int lastResorts() {
                    return 1;
                  }
                }),
        plain(
            "reclaims-everywhere",
            "Reclaim is asked for pages of any node, whatever the request names.",
            "PA-97",
            floors ->
                new PlainPages(floors) {
                  @Override
                  public long allocPages(
                      Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
                    return allocPages(cpu, gfp, order, nodeId);
                  }
                }),
        plain("last-node-first", "The last node is asked first.", "PA-98", PlainPages::new));
  }

  private static Fault<PageAllocatorProvider> pages(
      String name, String what, List<String> meantFor, Function<Floors, PageAllocator> factory) {
    return new Fault<>(name, what, meantFor, new ModelProvider(name, factory));
  }

  private static Fault<PageAllocatorProvider> choices(
      String name, String what, List<String> meantFor, Choices choices) {
    return pages(name, what, meantFor, floors -> new ModelPages(floors, choices, new Hooks()));
  }

  private static Fault<PageAllocatorProvider> flags(
      String name, String what, List<String> meantFor, Flags flags) {
    return pages(
        name,
        what,
        meantFor,
        floors ->
            new ModelPages(floors, new Choices(), new Hooks()) {
              @Override
              public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
                return super.allocPages(cpu, flags.of(gfp, order), order, nodeId);
              }
            });
  }

  private static Fault<PageAllocatorProvider> kswapd(
      String name, String what, String meantFor, Function<State, Background> background) {
    Hooks hooks =
        new Hooks() {
          @Override
          public Background background(State state, PerCpu perCpu) {
            return background.apply(state);
          }
        };
    return pages(
        name, what, List.of(meantFor), floors -> new ModelPages(floors, new Choices(), hooks));
  }

  private static Fault<PageAllocatorProvider> plain(
      String name, String what, String meantFor, Function<Floors, PageAllocator> factory) {
    return new Fault<>(name, what, List.of(meantFor), new ModelProvider(name, factory, false));
  }

  /** Says that something was given up although nothing was. */
  private static final class UsedReserve extends Hooks {
    @Override
    public Slow slow(
        State state, Walk walk, PerCpu perCpu, HighAtomicReserve reserve, Background background) {
      HighAtomicReserve wrong =
          new HighAtomicReserve() {
            private boolean last;

            @Override
            public boolean unreserve(Request request, boolean force) {
              last = super.unreserve(request, force) || !last;
              return last;
            }
          };
      return new ModelSlow(state, walk, perCpu, wrong, background);
    }
  }
}
