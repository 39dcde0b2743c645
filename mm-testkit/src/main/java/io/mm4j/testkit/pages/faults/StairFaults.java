// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.faults;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.pages.model.Background;
import io.mm4j.testkit.pages.model.Choices;
import io.mm4j.testkit.pages.model.HighAtomicReserve;
import io.mm4j.testkit.pages.model.Hooks;
import io.mm4j.testkit.pages.model.ModelKswapd;
import io.mm4j.testkit.pages.model.ModelPages;
import io.mm4j.testkit.pages.model.ModelProvider;
import io.mm4j.testkit.pages.model.ModelRange;
import io.mm4j.testkit.pages.model.ModelSlow;
import io.mm4j.testkit.pages.model.PerCpu;
import io.mm4j.testkit.pages.model.Request;
import io.mm4j.testkit.pages.model.Slow;
import io.mm4j.testkit.pages.model.State;
import io.mm4j.testkit.pages.model.Walk;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Models that do one thing otherwise where they ask the floors above. */
public final class StairFaults {
  private StairFaults() {}

  public static List<Fault<PageAllocatorProvider>> all() {
    return List.of(
        fault(
            "mask-forgotten-in-the-slow-path",
            "Every request gets past its mask in the slow path.",
            List.of("PA-93", "PA-78"),
            slow(
                parts ->
                    new ModelSlow(parts) {
                      @Override
                      public boolean dropsMask(Request request) {
                        return true;
                      }
                    })),
        fault(
            "interrupts-keep-to-the-mask",
            "No request ever gets past its mask.",
            List.of("PA-78"),
            slow(
                parts ->
                    new ModelSlow(parts) {
                      @Override
                      public boolean dropsMask(Request request) {
                        return false;
                      }
                    })),
        fault(
            "wakes-once",
            "A request wakes kswapd when it becomes slow, and never again.",
            List.of("PA-94"),
            slow(
                parts ->
                    new ModelSlow(parts) {
                      @Override
                      public boolean wakesAnew() {
                        return false;
                      }
                    })),
        fault(
            "kills-for-one-node",
            "The last resort is asked for a request that wants one node, or a large block.",
            List.of("PA-80"),
            slow(
                parts ->
                    new ModelSlow(parts) {
                      @Override
                      public boolean mayKill(Request request) {
                        return !request.wants(Gfp.__GFP_RETRY_MAYFAIL);
                      }
                    })),
        fault(
            "kill-is-no-gain",
            "After a kill the count of rounds goes on where it was.",
            List.of("PA-80"),
            slow(
                parts ->
                    new ModelSlow(parts) {
                      @Override
                      public int afterKill(int idle) {
                        return idle;
                      }
                    })),
        fault(
            "moves-without-a-reference",
            "A migrator is asked while nobody but the holder has a reference.",
            List.of("PA-82"),
            range(
                pages ->
                    new ModelRange(pages) {
                      @Override
                      public boolean holds() {
                        return false;
                      }
                    })),
        fault(
            "believes-what-it-read",
            "The owner is not looked at again once there is a reference.",
            List.of("PA-82"),
            range(
                pages ->
                    new ModelRange(pages) {
                      @Override
                      public boolean same(long head, FrameOwner owner) {
                        return true;
                      }
                    })),
        fault(
            "moves-bare-blocks",
            "A block moves that nobody holds, if its owner can move others.",
            List.of("PA-82"),
            range(
                pages ->
                    new ModelRange(pages) {
                      @Override
                      public boolean refer(long head) {
                        if (pages.state.map.refcount(head) == 0) {
                          return false;
                        }
                        pages.state.map.get(head);
                        return true;
                      }
                    })),
        fault(
            "kswapd-names-no-node",
            "kswapd asks for memory of any node.",
            List.of("PA-84"),
            kswapd(
                state ->
                    new ModelKswapd(state) {
                      @Override
                      @Nullable
                      public NodeMask nodes(int node) {
                        return null;
                      }
                    })),
        fault(
            "kswapd-never-tries-harder",
            "kswapd asks with the same priority again and again.",
            List.of("PA-84"),
            kswapd(
                state ->
                    new ModelKswapd(state) {
                      @Override
                      public int priority(int round) {
                        return 12;
                      }
                    })));
  }

  /** Makes a slow path of its parts. */
  @FunctionalInterface
  private interface SlowOf {
    Slow of(ModelSlow parts);
  }

  private static Hooks slow(SlowOf slow) {
    return new Hooks() {
      @Override
      public Slow slow(
          State state, Walk walk, PerCpu perCpu, HighAtomicReserve reserve, Background kswapd) {
        return slow.of(new ModelSlow(state, walk, perCpu, reserve, kswapd));
      }
    };
  }

  private static Hooks range(Function<ModelPages, ModelRange> range) {
    return new Hooks() {
      @Override
      public ModelRange range(ModelPages pages) {
        return range.apply(pages);
      }
    };
  }

  private static Hooks kswapd(Function<State, Background> kswapd) {
    return new Hooks() {
      @Override
      public Background background(State state, PerCpu perCpu) {
        return kswapd.apply(state);
      }
    };
  }

  private static Fault<PageAllocatorProvider> fault(
      String name, String what, List<String> meantFor, Hooks hooks) {
    return new Fault<>(
        name,
        what,
        meantFor,
        new ModelProvider(name, floors -> new ModelPages(floors, new Choices(), hooks)));
  }
}
