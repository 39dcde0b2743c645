// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.rules.PageRule.Needs;
import io.mm4j.testkit.pages.rules.PageSubject.Held;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Rules about what goes up: masks of nodes, requests to reclaimers, the last resort. */
public final class StairRules {
  private static final int LARGE = 4;

  private StairRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        PageRule.of(
            new RuleInfo(
                "PA-93",
                "only-nodes-of-the-mask",
                "A request with a mask is served by the nodes of the mask, whatever node it prefers"
                    + " and whatever lies on its CPU's lists, and fails when they have nothing; a"
                    + " mask without any node of the machine is a MisuseException, and nothing"
                    + " changes.",
                "Tasks and files are bound to nodes.",
                "mm/page_alloc.c for_next_zone_zonelist_nodemask",
                "the mask is a wish, or an empty one means all nodes"),
            Needs.NOTHING,
            StairRules::masks),
        PageRule.of(
            new RuleInfo(
                "PA-79",
                "last-resort",
                "When the reclaimers have nothing left, the last resort is asked, and the request"
                    + " is served if that frees memory and fails if it frees none. Nobody is asked"
                    + " for a request that cannot wait or may not use file systems, gives up early,"
                    + " may fail, wants one node, a large block or memory below zone Normal, or"
                    + " comes from reclaim or a core dump.",
                "Killing helps such requests little, and costs somebody everything.",
                "mm/page_alloc.c __alloc_pages_may_oom; mm/oom_kill.c out_of_memory",
                "it is asked before reclaim, for the wrong requests, or never"),
            Needs.NOTHING,
            StairRules::kills),
        PageRule.of(
            new RuleInfo(
                "PA-83",
                "request-says-all",
                "A request to reclaimers names its CPU, the nodes that would help and the locks"
                    + " that the thread holds; its priority is 12 at first, and then never above"
                    + " that of the round before, unless that gained something.",
                "A reclaimer that cannot know waits for a lock that its own caller holds, or frees"
                    + " what helps nobody.",
                "mm/vmscan.c struct scan_control",
                "a field is left out on one path"),
            Needs.NOTHING,
            StairRules::says));
  }

  private static void masks(PageSubject s, Seeded random) {
    for (NodeMask none : List.of(NodeMask.of(), NodeMask.of(2, 40))) {
      String before = s.snapshot();
      try {
        s.pages.allocPages(s.cpu(0), Gfp.GFP_KERNEL, 0, -1, none);
      } catch (MisuseException e) {
        check(before.equals(s.snapshot()), "nothing changed by mask '" + none + "'", "a change");
        continue;
      }
      throw new RuleViolation("MisuseException for mask '" + none + "'", "no exception");
    }
    // Pages of both nodes on the lists of both CPUs.
    for (int i = 0; i < 24; i++) {
      s.allocate(i, Gfp.GFP_KERNEL, 0, i / 2 % 2);
    }
    while (!s.held.isEmpty()) {
      s.free(random.below(2), s.held.getLast());
    }
    int only = random.below(2);
    NodeMask mask = NodeMask.of(only);
    List<Integer> kinds = List.of(Gfp.GFP_KERNEL, Gfp.GFP_NOWAIT, Gfp.GFP_HIGHUSER_MOVABLE);
    int gfp = kinds.get(random.below(kinds.size()));
    int order = random.below(3);
    int preferred = random.between(-1, 1);
    int got = 0;
    for (Held block; (block = on(s, random.below(2), gfp, order, preferred, mask)) != null; got++) {
      checkEqual(only, s.zoneOf(block.pfn()).nodeId(), "node of a block for mask '" + mask + "'");
    }
    check(got > 0, "blocks of node " + only, "none");
    check(
        s.allocate(0, gfp | Gfp.__GFP_THISNODE, order, 1 - only) != null,
        "a block of the other node without the mask",
        "none");
    check(
        on(s, 0, gfp, order, only, NodeMask.first(2)) != null,
        "a block for a mask of both nodes",
        "none");
    s.freeAll();
  }

  private static @Nullable Held on(
      PageSubject s, int cpu, int gfp, int order, int node, NodeMask mask) {
    long pfn = s.pages.allocPages(s.cpu(cpu), gfp, order, node, mask);
    return pfn == PageAllocator.NO_PAGE ? null : s.enter(pfn, order);
  }

  /** A machine without a free page, and somebody who holds some of them. */
  private static final class Holder {
    final PageSubject s;
    final List<Held> victims = new ArrayList<>();
    final List<ReclaimRequest> kills = new ArrayList<>();
    int flagsAtKill;
    int reclaims;
    boolean frees = true;

    Holder(PageSubject s) {
      this.s = s;
      int saved = s.cpu(0).exchangeFlags(Cpu.PF_MEMALLOC);
      s.exhaust(0, Gfp.GFP_KERNEL, -1);
      s.cpu(0).exchangeFlags(saved);
      s.machine.pressure().register(this::reclaim);
      s.machine.pressure().registerOom(this::kill);
    }

    /** Pages of both nodes, Normal only; they are nobody's but the last resort's. */
    void take(int count) {
      for (Held page : List.copyOf(s.held)) {
        if (victims.size() < count && page.pfn() >= 1024) {
          victims.add(page);
          s.leave(page);
        }
      }
    }

    private long reclaim(ReclaimRequest request) {
      reclaims++;
      check(kills.isEmpty() || frees, "nobody asked after the last resort gave nothing", "reclaim");
      return 0;
    }

    private boolean kill(ReclaimRequest request) {
      check(reclaims > 0, "reclaimers asked before the last resort", "not yet");
      kills.add(request);
      flagsAtKill = request.cpu().flags();
      for (Held page : frees ? List.copyOf(victims) : List.<Held>of()) {
        victims.remove(page);
        s.pages.freePages(request.cpu(), page.pfn(), 0);
      }
      return frees;
    }
  }

  private static void kills(PageSubject s, Seeded random) {
    Holder holder = new Holder(s);
    holder.take(800);
    List<Integer> never =
        List.of(
            Gfp.GFP_NOWAIT,
            Gfp.GFP_ATOMIC,
            Gfp.GFP_NOFS,
            Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY,
            Gfp.GFP_KERNEL | Gfp.__GFP_RETRY_MAYFAIL,
            Gfp.GFP_KERNEL | Gfp.__GFP_THISNODE,
            Gfp.GFP_KERNEL | Gfp.GFP_DMA);
    for (int gfp : never) {
      spared(holder, gfp, 0, 0);
    }
    spared(holder, Gfp.GFP_KERNEL, LARGE, 0);
    spared(holder, Gfp.GFP_KERNEL, 0, Cpu.PF_MEMALLOC);
    spared(holder, Gfp.GFP_KERNEL, 0, Cpu.PF_DUMPCORE);
    int gfp = random.oneIn(2) ? Gfp.GFP_KERNEL : Gfp.GFP_HIGHUSER_MOVABLE;
    holder.reclaims = 0;
    Held page = s.allocate(random.below(2), gfp, 0, -1);
    check(page != null, "a page, for the last resort freed some", "none");
    checkEqual(1, holder.kills.size(), "calls of the last resort");
    checkEqual(0, holder.kills.getFirst().order(), "order of its request");
    check((holder.flagsAtKill & Cpu.PF_MEMALLOC) != 0, "PF_MEMALLOC meanwhile", "not set");
    holder.kills.clear();
    holder.frees = false;
    while (s.allocate(0, gfp, 0, -1) != null) {
      check(holder.kills.isEmpty(), "no page after the last resort had nothing", "a page");
    }
    checkEqual(1, holder.kills.size(), "calls of a last resort that has nothing");
  }

  private static void spared(Holder holder, int gfp, int order, int flags) {
    Cpu cpu = holder.s.cpu(0);
    int saved = cpu.exchangeFlags(flags);
    long pfn = holder.s.pages.allocPages(cpu, gfp, order);
    cpu.exchangeFlags(saved);
    String what = Gfp.format(gfp) + " of order " + order + " with flags " + flags;
    check(pfn == PageAllocator.NO_PAGE, "no page for " + what, "frame " + pfn);
    check(holder.kills.isEmpty(), "no last resort for " + what, "asked");
  }

  private static void says(PageSubject s, Seeded random) {
    int saved = s.cpu(0).exchangeFlags(Cpu.PF_MEMALLOC);
    s.exhaust(0, Gfp.GFP_KERNEL, -1);
    s.cpu(0).exchangeFlags(saved);
    List<ReclaimRequest> asked = new ArrayList<>();
    List<Long> gains = new ArrayList<>();
    int gaining = random.below(4);
    var registration =
        s.machine
            .pressure()
            .register(
                request -> {
                  asked.add(request);
                  long gain = gains.size() < gaining && !s.held.isEmpty() ? 1 : 0;
                  if (gain > 0) {
                    Held page = s.held.getFirst();
                    s.leave(page);
                    s.pages.freePages(request.cpu(), page.pfn(), 0);
                  }
                  gains.add(gain);
                  return gain;
                });
    KernelLock mm = new KernelLock(LockClass.MM, "of the test");
    KernelLock cache = new KernelLock(LockClass.PAGE_CACHE, "of the test");
    boolean locks = random.oneIn(2);
    int expected = locks ? LockClass.MM.bit() | LockClass.PAGE_CACHE.bit() : 0;
    int kind = random.below(3);
    Cpu cpu = s.cpu(random.below(2));
    NodeMask mask = NodeMask.of(random.below(2));
    NodeMask wanted = kind == 0 ? null : kind == 1 ? mask : NodeMask.of(cpu.nodeId());
    if (locks) {
      mm.lock();
      cache.lock();
    }
    try {
      // Order 2, so that a gain of one page changes nothing.
      if (kind == 2) {
        s.pages.allocPages(cpu, Gfp.GFP_KERNEL | Gfp.__GFP_THISNODE, 2);
      } else {
        s.pages.allocPages(cpu, Gfp.GFP_KERNEL, 2, -1, kind == 1 ? mask : null);
      }
    } finally {
      if (locks) {
        cache.unlock();
        mm.unlock();
      }
    }
    check(!asked.isEmpty(), "reclaimers asked", "never asked");
    int most = ReclaimRequest.DEF_PRIORITY;
    checkEqual(most, asked.getFirst().priority(), "priority of the first request");
    for (int i = 0; i < asked.size(); i++) {
      ReclaimRequest request = asked.get(i);
      check(request.cpu() == cpu, "a request of " + cpu, "" + request);
      check(Objects.equals(wanted, request.nodes()), "nodes " + wanted, "" + request);
      checkEqual(expected, request.locksHeld(), "locks held");
      check(
          request.mayTake(LockClass.MM) == !locks && request.mayTake(LockClass.SLAB_NODE),
          "the locks that may be taken follow from those that are held",
          "" + request);
      check(request.memcg() == null, "no control group", "" + request.memcg());
      check(
          request.priority() >= 0 && request.priority() <= most,
          "priority 0 to " + most,
          "" + request.priority());
      most = gains.get(i) > 0 ? ReclaimRequest.DEF_PRIORITY : request.priority();
    }
    registration.close();
    registration.close();
    int before = asked.size();
    s.pages.allocPages(cpu, Gfp.GFP_KERNEL, 2);
    checkEqual(before, asked.size(), "calls of a reclaimer that was taken back");
  }
}
