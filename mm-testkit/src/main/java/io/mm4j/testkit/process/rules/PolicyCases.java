// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of policies of memory, of nodes that pages are on, and of memory that may be merged. */
public final class PolicyCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Databases and virtual machines bind their memory to nodes.",
          "a policy is said to be set, and neither cuts a VMA nor is told");

  private static final long PAGE = Bits.PAGE;
  private static final int SHARED = 0x11;
  private static final int PRIVATE = 0x12;
  private static final int ANON_SHARED = 0x31;

  private PolicyCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F60",
            "policies-of-ranges",
            "mbind gives a range a policy of its own: it is a VMA of its own, merges with"
                + " neighbours of an equal policy only, keeps it through mprotect, mremap and fork,"
                + " and loses it by MPOL_DEFAULT. Neighbours that were written to while theirs"
                + " differed stay apart.",
            "do_mbind, mbind_range, mpol_equal, queue_pages_test_walk (mm/mempolicy.c),"
                + " anon_vma_compatible (mm/vma.c); LTP vma02",
            PolicyCases::ranges),
        GROUP.rule(
            "AS-F61",
            "words-of-policies",
            "A mode takes nodes or none, of which one must have memory; MPOL_PREFERRED without any"
                + " is MPOL_LOCAL; flags that contradict each other, holes, and pages on other"
                + " nodes with MPOL_MF_STRICT are refused.",
            "sanitize_mpol_flags, mpol_new, mpol_set_nodemask, get_nodes (mm/mempolicy.c)",
            PolicyCases::words),
        GROUP.rule(
            "AS-F62",
            "policy-of-a-process",
            "set_mempolicy is for memory that has no policy; children inherit it; get_mempolicy"
                + " tells mode and nodes of the process, of an address, and the node of a page.",
            "do_set_mempolicy, do_get_mempolicy, mpol_dup",
            PolicyCases::process),
        GROUP.rule(
            "AS-F63",
            "policies-of-shared-memory",
            "A policy of shared memory is the memory's: whoever maps it is told the same, and it"
                + " outlives the mapping that it was given by.",
            "shmem_set_policy, mpol_set_shared_policy, mpol_shared_policy_lookup",
            PolicyCases::shared),
        GROUP.rule(
            "AS-F64",
            "nodes-of-pages",
            "move_pages tells the node of a page, ENOENT where none is, EFAULT for the zero page"
                + " and for nothing mapped, ENODEV for a node that is not there.",
            "do_pages_stat_array, do_pages_move, add_folio_for_migration (mm/migrate.c)",
            PolicyCases::nodes),
        GROUP.rule(
            "AS-F65",
            "mergeable-by-prctl",
            "PR_SET_MEMORY_MERGE marks all private memory of a process as mergeable, what it maps"
                + " later and its children too, until it is switched off.",
            "ksm_enable_merge_any, ksm_vma_flags, ksm_disable_merge_any (mm/ksm.c); selftests"
                + " ksm_functional_tests, test_prctl; merge.c, ksm_merge",
            PolicyCases::mergeable));
  }

  private static long bind(Rig rig, long addr, long bytes, int mode, long nodes, long flags) {
    return rig.mm.syscall(Syscall.MBIND, addr, bytes, mode, nodes, 64, flags);
  }

  private static void bound(Rig rig, long addr, long bytes, int mode, long nodes) {
    rig.gives("mbind", 0, bind(rig, addr, bytes, mode, nodes, 0));
  }

  private static void policy(Rig rig, long addr, String expected) {
    String seen = rig.mm.memoryPolicy(addr);
    RuleViolation.check(
        seen.equals(expected), "policy " + expected + " at " + Long.toHexString(addr), seen);
  }

  private static void ranges(Rig rig) {
    rig.map(A, 10 * PAGE, RW);
    bound(rig, A + 2 * PAGE, 3 * PAGE, Uapi.MPOL_BIND, 1);
    rig.shows("0-2 rw-p, 2-5 rw-p, 5-10 rw-p");
    policy(rig, A + 2 * PAGE, "bind:0");
    policy(rig, A, "default");
    bound(rig, A + 5 * PAGE, PAGE, Uapi.MPOL_BIND, 1);
    rig.shows("0-2 rw-p, 2-6 rw-p, 6-10 rw-p");
    bound(rig, A + 6 * PAGE, PAGE, Uapi.MPOL_INTERLEAVE, 1);
    rig.shows("0-2 rw-p, 2-6 rw-p, 6-7 rw-p, 7-10 rw-p");
    rig.protect(A + 3 * PAGE, PAGE, READ);
    rig.protect(A + 3 * PAGE, PAGE, RW);
    rig.shows("0-2 rw-p, 2-6 rw-p, 6-7 rw-p, 7-10 rw-p");
    rig.map(A + 10 * PAGE, PAGE, RW);
    rig.shows("0-2 rw-p, 2-6 rw-p, 6-7 rw-p, 7-11 rw-p");
    rig.move(A + 4 * PAGE, A + 16 * PAGE, PAGE);
    policy(rig, A + 16 * PAGE, "bind:0");
    policy(rig.fork(), A + 16 * PAGE, "bind:0");
    Looks.fails(rig, "a hole", Errno.EFAULT, bind(rig, A, 12 * PAGE, Uapi.MPOL_INTERLEAVE, 1, 0));
    rig.map(A + 4 * PAGE, PAGE, RW);
    bound(rig, A, 11 * PAGE, Uapi.MPOL_DEFAULT, 0);
    rig.shows("0-11 rw-p, 16-17 rw-p");
    policy(rig, A + 3 * PAGE, "default");
    rig.unmap(A, 17 * PAGE);
    rig.map(A, 8 * PAGE, RW);
    bound(rig, A, 4 * PAGE, Uapi.MPOL_INTERLEAVE, 1);
    rig.put(A, 1);
    rig.put(A + 5 * PAGE, 1); // an anon_vma of its own, as the policies differ
    bound(rig, A + 4 * PAGE, 4 * PAGE, Uapi.MPOL_INTERLEAVE, 1);
    rig.shows("0-4 rw-p, 4-8 rw-p");
  }

  private static void words(Rig rig) {
    rig.map(A, 2 * PAGE, RW);
    int[][] wrong = {
      {Uapi.MPOL_DEFAULT, 1},
      {Uapi.MPOL_LOCAL, 1},
      {Uapi.MPOL_BIND, 0},
      {Uapi.MPOL_BIND, 2},
      {Uapi.MPOL_WEIGHTED_INTERLEAVE + 1, 1},
      {Uapi.MPOL_BIND | Uapi.MPOL_F_STATIC_NODES | Uapi.MPOL_F_RELATIVE_NODES, 1},
      {Uapi.MPOL_INTERLEAVE | Uapi.MPOL_F_NUMA_BALANCING, 1},
      {Uapi.MPOL_PREFERRED | Uapi.MPOL_F_STATIC_NODES, 0}
    };
    for (int[] pair : wrong) {
      long result = bind(rig, A, PAGE, pair[0], pair[1], 0);
      Looks.fails(rig, "mode " + pair[0] + " nodes " + pair[1], Errno.EINVAL, result);
    }
    Looks.fails(rig, "unaligned", Errno.EINVAL, bind(rig, A + 1, PAGE, Uapi.MPOL_BIND, 1, 0));
    Looks.fails(rig, "flags", Errno.EINVAL, bind(rig, A, PAGE, Uapi.MPOL_BIND, 1, 8));
    Looks.fails(
        rig,
        "MPOL_MF_MOVE_ALL",
        Errno.EPERM,
        bind(rig, A, PAGE, Uapi.MPOL_BIND, 1, Uapi.MPOL_MF_MOVE_ALL));
    bound(rig, A, PAGE, Uapi.MPOL_PREFERRED, 0);
    policy(rig, A, "local");
    bound(rig, A, PAGE, Uapi.MPOL_BIND | Uapi.MPOL_F_RELATIVE_NODES, 2);
    policy(rig, A, "bind=relative:0");
    bound(rig, A, PAGE, Uapi.MPOL_PREFERRED_MANY | Uapi.MPOL_F_STATIC_NODES, 3);
    policy(rig, A, "prefer (many)=static:0");
    long home = rig.mm.syscall(Syscall.SET_MEMPOLICY_HOME_NODE, A + PAGE, PAGE, 0, 0);
    Looks.fails(rig, "a home without a policy", Errno.ENOENT, home);
    rig.touch(A);
    Looks.fails(
        rig,
        "a page elsewhere",
        Errno.EIO,
        bind(rig, A, PAGE, Uapi.MPOL_LOCAL, 0, Uapi.MPOL_MF_STRICT));
    policy(rig, A, "prefer (many)=static:0");
    rig.gives(
        "a page that moves",
        0,
        bind(rig, A, PAGE, Uapi.MPOL_LOCAL, 0, Uapi.MPOL_MF_STRICT | Uapi.MPOL_MF_MOVE));
    Rig _ = rig.fork();
    rig.gives(
        "a page that others map, too",
        0,
        bind(rig, A, PAGE, Uapi.MPOL_LOCAL, 0, Uapi.MPOL_MF_STRICT | Uapi.MPOL_MF_MOVE));
  }

  private static long tell(Rig rig, long addr, long flags) {
    return rig.mm.syscall(Syscall.GET_MEMPOLICY, FAR, FAR + 8, 64, addr, flags);
  }

  private static void process(Rig rig) {
    rig.map(FAR, PAGE, RW);
    rig.map(A, 2 * PAGE, RW);
    rig.gives("set_mempolicy", 0, rig.mm.syscall(Syscall.SET_MEMPOLICY, Uapi.MPOL_BIND, 1, 64));
    bound(rig, A, PAGE, Uapi.MPOL_LOCAL, 0);
    policy(rig, A + PAGE, "bind:0");
    rig.gives("get_mempolicy", 0, tell(rig, 0, 0));
    rig.has(FAR, Uapi.MPOL_BIND);
    rig.has(FAR + 8, 1);
    rig.gives("get_mempolicy of an address", 0, tell(rig, A, Uapi.MPOL_F_ADDR));
    rig.has(FAR, Uapi.MPOL_LOCAL);
    rig.has(FAR + 8, 0);
    rig.gives("the node of a page", 0, tell(rig, A, Uapi.MPOL_F_ADDR | Uapi.MPOL_F_NODE));
    rig.has(FAR, 0);
    rig.gives("allowed nodes", 0, tell(rig, 0, Uapi.MPOL_F_MEMS_ALLOWED));
    rig.has(FAR + 8, 1);
    Looks.fails(rig, "an address alone", Errno.EINVAL, tell(rig, A, 0));
    Looks.fails(rig, "nothing mapped", Errno.EFAULT, tell(rig, A + 5 * PAGE, Uapi.MPOL_F_ADDR));
    rig.map(A + 6 * PAGE, PAGE, 2); // PROT_WRITE alone
    long unread = tell(rig, A + 6 * PAGE, Uapi.MPOL_F_ADDR | Uapi.MPOL_F_NODE);
    Looks.fails(rig, "the node of a page that cannot be read", Errno.EFAULT, unread);
    rig.touch(A + 6 * PAGE);
    unread = tell(rig, A + 6 * PAGE, Uapi.MPOL_F_ADDR | Uapi.MPOL_F_NODE);
    rig.gives("the same, if it is there", 0, unread);
    Looks.fails(rig, "a node of no turns", Errno.EINVAL, tell(rig, 0, Uapi.MPOL_F_NODE));
    Rig child = rig.fork();
    policy(child, A + PAGE, "bind:0");
    rig.gives("set_mempolicy", 0, rig.mm.syscall(Syscall.SET_MEMPOLICY, Uapi.MPOL_DEFAULT, 0, 0));
    policy(rig, A + PAGE, "default");
    policy(child, A + PAGE, "bind:0");
  }

  private static void shared(Rig rig) {
    rig.gives("mmap", A, rig.mm.mmap(A, 8 * PAGE, RW, SHARED, CaseSetup.TMPFS, 0));
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, 8 * PAGE, RW, SHARED, CaseSetup.TMPFS, 4 * PAGE));
    bound(rig, A + 4 * PAGE, 2 * PAGE, Uapi.MPOL_INTERLEAVE, 1);
    rig.shows("0-4 rw-s, 4-6 rw-s, 6-8 rw-s");
    rig.shows(FAR, FAR + 16 * PAGE, "0-8 rw-s");
    policy(rig, FAR, "interleave:0");
    rig.unmap(A, 8 * PAGE);
    policy(rig, FAR, "interleave:0");
    bound(rig, FAR, 8 * PAGE, Uapi.MPOL_BIND, 1);
    rig.gives("mmap", A, rig.mm.mmap(A, 8 * PAGE, RW, SHARED, CaseSetup.TMPFS, 0));
    policy(rig, A, "default");
    rig.unmap(A, 8 * PAGE);
    rig.gives("mmap", A, rig.mm.mmap(A, PAGE, RW, SHARED, CaseSetup.TMPFS, 11 * PAGE));
    policy(rig, A, "bind:0");
  }

  private static void nodes(Rig rig) {
    rig.map(A, 3 * PAGE, RW);
    rig.touch(A);
    rig.has(A + PAGE, 0);
    rig.gives("a page", 0, rig.mm.syscall(Syscall.MOVE_PAGES, A, Uapi.ANY_NODE, 0));
    rig.gives("a page", 0, rig.mm.syscall(Syscall.MOVE_PAGES, A, 0, Uapi.MPOL_MF_MOVE));
    long zero = rig.mm.syscall(Syscall.MOVE_PAGES, A + PAGE, Uapi.ANY_NODE, 0);
    Looks.fails(rig, "the zero page", Errno.EFAULT, zero);
    long none = rig.mm.syscall(Syscall.MOVE_PAGES, A + 2 * PAGE, Uapi.ANY_NODE, 0);
    Looks.fails(rig, "no page", Errno.ENOENT, none);
    long hole = rig.mm.syscall(Syscall.MOVE_PAGES, A + 5 * PAGE, Uapi.ANY_NODE, 0);
    Looks.fails(rig, "nothing mapped", Errno.EFAULT, hole);
    long far = rig.mm.syscall(Syscall.MOVE_PAGES, A, 1, Uapi.MPOL_MF_MOVE);
    Looks.fails(rig, "another node", Errno.ENODEV, far);
    long all = rig.mm.syscall(Syscall.MOVE_PAGES, A, 0, Uapi.MPOL_MF_MOVE_ALL);
    Looks.fails(rig, "MPOL_MF_MOVE_ALL", Errno.EPERM, all);
    rig.gives("migrate_pages", 0, rig.mm.syscall(Syscall.MIGRATE_PAGES, 64, 1, 1));
    long empty = rig.mm.syscall(Syscall.MIGRATE_PAGES, 64, 1, 0);
    Looks.fails(rig, "no node", Errno.EINVAL, empty);
    long other = rig.mm.syscall(Syscall.MIGRATE_PAGES, 64, 1, 2);
    Looks.fails(rig, "a node that is not there", Errno.EPERM, other);
  }

  private static void merges(Rig rig, int on) {
    long result = rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_MEMORY_MERGE, on, 0, 0, 0);
    rig.gives("PR_SET_MEMORY_MERGE", 0, result);
    long now = rig.mm.syscall(Syscall.PRCTL, Uapi.PR_GET_MEMORY_MERGE, 0, 0, 0, 0);
    rig.gives("PR_GET_MEMORY_MERGE", on, now);
  }

  private static void mergeable(Rig rig) {
    rig.map(A, 2 * PAGE, RW);
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, PAGE, RW, ANON_SHARED, -1, 0));
    merges(rig, 1);
    Looks.flags(rig, A, "ac mg");
    Looks.flags(rig, FAR, "sh ms");
    rig.map(A + 2 * PAGE, PAGE, RW);
    rig.shows("0-3 rw-p");
    rig.gives("MADV_UNMERGEABLE", 0, rig.mm.madvise(A, PAGE, Uapi.MADV_UNMERGEABLE));
    rig.shows("0-1 rw-p, 1-3 rw-p");
    rig.unmap(A, 3 * PAGE);
    for (int i = 0; i < 2; i++) {
      long at = A + i * PAGE;
      rig.gives("mmap", at, rig.mm.mmap(at, PAGE, RW, PRIVATE, CaseSetup.ZERO, i * PAGE));
      Looks.flags(rig, at, "ac mg");
    }
    rig.shows("0-1 rw-p, 1-2 rw-p"); // a driver without mmap_prepare: marked too late to merge
    Rig child = rig.fork();
    child.map(A + 4 * PAGE, PAGE, RW);
    Looks.flags(child, A + 4 * PAGE, "ac mg");
    merges(rig, 0);
    Looks.flags(rig, A + PAGE, "ac");
    long wrong = rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_MEMORY_MERGE, 1, 0, 1, 0);
    Looks.fails(rig, "a word too many", Errno.EINVAL, wrong);
  }
}
