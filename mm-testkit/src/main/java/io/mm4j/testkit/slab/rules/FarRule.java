// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.Node;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.model.NodeOrder;
import io.mm4j.testkit.slab.rules.FailingPages.Request;
import io.mm4j.testkit.slab.rules.SlabSubject.Cache;
import io.mm4j.testkit.slab.rules.SlabSubject.Live;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Whose free objects are taken when a node has none, on machines of several nodes. */
public final class FarRule {
  private static final int GFP = Gfp.GFP_KERNEL;

  private FarRule() {}

  /** The rule. */
  public static Rule<SlabAllocatorProvider> rule() {
    return SlabRule.far(
        new RuleInfo(
            "SL-80",
            "nearest-node-first",
            "Where the node that is asked has no free object and no page, the object is of the"
                + " first node with free ones in the order in which the CPU's own node asks for"
                + " pages: of the nearest one. Judged of plugins that claim linux-geometry, and, of"
                + " nodes at the same distance in any order, of those that claim per-cpu. A plugin"
                + " that claims both asks other nodes for objects before anybody for pages if any"
                + " node will do, and else for pages of the named node alone.",
            "Far memory is slow, and the farthest is the slowest.",
            "mm/slub.c get_any_partial, ___slab_alloc; mm/slab.c fallback_alloc; mm/mempolicy.c"
                + " mempolicy_slab_node; mm/page_alloc.c build_zonelists",
            "nodes are asked by number, or in the order of the node that was asked for"),
        FarRule::nearest);
  }

  private static void nearest(SlabSubject s, Seeded random) {
    if (!s.can.linuxGeometry() && !s.can.perCpu()) {
      return; // its free objects may be of no node
    }
    NodeOrder order =
        new NodeOrder(
            List.of(),
            s.shape.layout().nodes().stream().flatMap(node -> node.zones().stream()).toList(),
            s.shape.layout().nodes().stream().map(Node::distances).toList());
    for (int i = 0; i < 2; i++) {
      int cpu = random.below(s.shape.cpus());
      boolean checked = s.can.debug() && random.oneIn(3);
      int flags = SlabFlags.SLAB_NO_MERGE;
      flags |= checked ? SlabFlags.SLAB_CONSISTENCY_CHECKS : 0;
      KmemCacheArgs args = KmemCacheArgs.of("far-" + i, random.between(400, 1500));
      Cache cache = s.create(args.withFlags(flags).withSheaves(random.oneIn(2) ? 8 : 0));
      Set<Integer> having = new TreeSet<>();
      for (int node = 0; node < s.shape.nodes(); node++) {
        if (node == s.cpu(cpu).nodeId() ? random.oneIn(8) : !random.oneIn(4)) {
          having.add(node);
          partial(s, random, cache, node);
        }
      }
      long _ = s.slabs.kmemCacheShrink(s.cpu(0), cache.cache);
      if (!having.isEmpty()) {
        ask(s, random, cpu, cache, having, order);
      }
    }
    s.empty();
  }

  /** More slabs of a node than a cache keeps there, each with objects in use and free ones. */
  private static void partial(SlabSubject s, Seeded random, Cache cache, int node) {
    int slabs = cache.cache.minPartial() + 2;
    int count = slabs * cache.cache.objectsPerSlab();
    int gfp = GFP | Gfp.__GFP_THISNODE;
    List<Live> objects = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      long object = s.slabs.kmemCacheAlloc(s.cpu(0), cache.cache, gfp, node);
      Live live = s.enter(object, cache, gfp);
      check(live != null, "an object of node " + node, "none");
      if (live != null) {
        objects.add(live);
      }
    }
    for (int i = 0; i < objects.size(); i += 2) {
      s.free(random.below(s.shape.cpus()), objects.get(i));
    }
  }

  private static void ask(
      SlabSubject s, Seeded random, int cpu, Cache cache, Set<Integer> having, NodeOrder order) {
    int own = s.cpu(cpu).nodeId();
    int asked = random.oneIn(2) ? SlabAllocator.NUMA_NO_NODE : random.below(s.shape.nodes());
    int near = asked < 0 ? own : asked;
    int wanted =
        having.contains(near)
            ? near
            : order.nodes(own).stream().filter(having::contains).findFirst().orElseThrow();
    List<Request> requests = new ArrayList<>();
    FailingPages pages = FailingPages.of(s.machine);
    pages.refuseNext(1000);
    pages.listen(requests::add);
    String what = " for cpu " + own + " and node " + asked + ", free ones on nodes " + having;
    for (int i = 0; i < 3; i++) {
      long object = s.slabs.kmemCacheAlloc(s.cpu(cpu), cache.cache, GFP, asked);
      check(object != SlabAllocator.NO_OBJECT, "an object" + what, "none");
      int got = s.shape.nodeOf(object);
      if (s.can.linuxGeometry() || having.contains(near)) {
        checkEqual(wanted, got, "node of an object" + what);
      } else {
        List<Integer> distances = s.shape.distances().get(own);
        checkEqual(distances.get(wanted), distances.get(got), "distance of an object" + what);
      }
      s.enter(object, cache, GFP);
    }
    pages.listen(request -> {});
    pages.refuseNext(0);
    if (s.can.linuxGeometry() && s.can.perCpu()) {
      boolean alone =
          requests.stream()
              .allMatch(
                  r ->
                      (r.node() == asked || (r.node() < 0 && asked == own))
                          && (r.gfp() & Gfp.__GFP_THISNODE) != 0);
      check(
          requests.isEmpty() || (asked >= 0 && !having.contains(asked) && alone),
          "requests for pages of the named node alone, if it has no object" + what,
          requests.toString());
    }
  }
}
