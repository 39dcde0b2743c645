// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.MemPolicy;
import io.mm4j.process.vma.SharedPolicy;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Policies of memory: set_mempolicy, mbind, get_mempolicy, set_mempolicy_home_node (mm/mempolicy.c,
 * Linux 6.18), and where pages are: migrate_pages, move_pages (mm/migrate.c). A range with a policy
 * of its own is a VMA of its own.
 *
 * <p>Differs: pages are not moved, and come from where they come without a policy; the first 63
 * nodes are known.
 */
final class PolicyCalls {

  /** The most bits that a mask may have: those of a page. */
  private static final long MOST_BITS = 8 * Mm.PAGE;

  private static final int MODES = 7;
  private static final int MODE_FLAGS =
      MemPolicy.BALANCING | MemPolicy.RELATIVE_NODES | MemPolicy.STATIC_NODES;
  private static final long MOVES = Uapi.MPOL_MF_MOVE | Uapi.MPOL_MF_MOVE_ALL;

  private final Mm mm;
  private final Touch touch;
  private final FlagChange change;

  private static final String NOT_ALL = "not everything in the range is mapped";

  /** Of the policy that was made last: null for the default, if {@link #error} is 0. */
  private @Nullable MemPolicy made;

  private long error;

  PolicyCalls(Mm mm, Touch touch, FlagChange change) {
    this.mm = mm;
    this.change = change;
    this.touch = touch;
  }

  /** set_mempolicy: of the process, for memory without a policy. */
  long setMempolicy(long mode, long nodes, long maxNode) {
    make((int) mode, nodes, maxNode);
    if (error == 0) {
      mm.policy = made;
    }
    return error;
  }

  /** mbind. */
  long mbind(long addr, long lenIn, long mode, long nodes, long maxNode, long flagsIn) {
    int plainMode = (int) mode & ~MODE_FLAGS;
    long flags = flagsIn & 0xffff_ffffL;
    long mask = mask(nodes, maxNode);
    if (wrongMode((int) mode) || mask < 0) {
      return mm.error(Errno.EINVAL, "no such mode, or a mask that is too long");
    }
    if ((flags & ~(Uapi.MPOL_MF_STRICT | MOVES)) != 0) {
      return mm.error(Errno.EINVAL, "unknown flags");
    }
    if ((flags & Uapi.MPOL_MF_MOVE_ALL) != 0 && !mm.capable(Capability.SYS_NICE)) {
      return mm.error(Errno.EPERM, "MPOL_MF_MOVE_ALL without CAP_SYS_NICE");
    }
    long end = addr + Mm.pageAlign(lenIn);
    if ((addr & Mm.PAGE - 1) != 0 || Long.compareUnsigned(end, addr) < 0) {
      return mm.error(Errno.EINVAL, "address not page-aligned, or the range wraps");
    }
    if (end == addr) {
      return 0;
    }
    make((int) mode, nodes, maxNode);
    if (error != 0) {
      return error;
    }
    if (plainMode == MemPolicy.DEFAULT) {
      flags &= ~Uapi.MPOL_MF_STRICT;
    }
    return bind(addr, end, mask, flags);
  }

  private long bind(long start, long end, long mask, long flags) {
    long error = look(start, end, mask, flags);
    if (error < 0) {
      return error;
    }
    MemPolicy policy = made;
    long at = start;
    for (Vma vma = below(at, end); vma != null; vma = below(at, end)) {
      long from = Math.max(at, vma.start);
      at = Long.compareUnsigned(end, vma.end) < 0 ? end : vma.end;
      if (give(vma, from, at, policy) == null) {
        return change.error;
      }
    }
    return 0;
  }

  /** The next VMA from an address on that begins before an end, or null. */
  private @Nullable Vma below(long at, long end) {
    Vma vma = Long.compareUnsigned(at, end) < 0 ? mm.vmas.find(at) : null;
    return vma != null && Long.compareUnsigned(vma.start, end) < 0 ? vma : null;
  }

  /**
   * {@code queue_pages_range}: 0 or a negated errno. A page that may be moved is no reason to
   * refuse, nor is one that is left where it is because others map it, too ({@code
   * migrate_folio_add}; as tried).
   */
  private long look(long start, long end, long mask, long flags) {
    boolean strict = (flags & (Uapi.MPOL_MF_STRICT | MOVES)) == Uapi.MPOL_MF_STRICT;
    boolean holes = made == null;
    Vma vma = mm.vmas.find(start);
    if (vma == null || Long.compareUnsigned(vma.start, end) >= 0 || (!holes && vma.start > start)) {
      return mm.error(Errno.EFAULT, NOT_ALL);
    }
    while (vma != null && Long.compareUnsigned(vma.start, end) < 0) {
      Vma next = mm.vmas.next(vma);
      boolean ends = Long.compareUnsigned(vma.end, end) >= 0;
      if (!holes && !ends && (next == null || next.start != vma.end)) {
        return mm.error(Errno.EFAULT, NOT_ALL);
      }
      long to = ends ? end : vma.end;
      if (strict && isElsewhere(vma, Math.max(start, vma.start), to, mask)) {
        return mm.error(Errno.EIO, "a page is on a node that is not in the mask");
      }
      vma = next;
    }
    return 0;
  }

  /** {@code mbind_range}: the VMA that has the policy now, or null: see {@link #change}. */
  private @Nullable Vma give(Vma vma, long start, long end, @Nullable MemPolicy policy) {
    if (Objects.equals(vma.policy, policy)) {
      return vma;
    }
    Vma changed = change.policy(vma, start, end, policy);
    if (changed != null) {
      SharedPolicy shared = mm.context.files.sharedPolicy(changed.backing);
      if (shared != null) {
        shared.set(changed.firstIndex(), changed.pastIndex(), policy);
      }
    }
    return changed;
  }

  /** Whether a page of a VMA is on a node that is not in the mask. */
  private boolean isElsewhere(Vma vma, long start, long end, long mask) {
    if (vma.hasAny(VmFlags.IO | VmFlags.PFNMAP) || vma.special != Vma.Special.NONE) {
      return false;
    }
    Frames frames = mm.context.frames();
    boolean[] found = {false};
    mm.pages
        .ranges()
        .visit(
            start,
            end,
            (addr, kind, pfn, huge) -> {
              found[0] |= kind == PageTable.PAGE && (mask >>> frames.nodeOf(pfn) & 1) == 0;
            });
    return found[0];
  }

  /** get_mempolicy. */
  long getMempolicy(long policyAddr, long maskAddr, long maxNode, long addr, long flags) {
    if (maskAddr != 0 && Long.compareUnsigned(maxNode, nodeIds()) < 0) {
      return mm.error(Errno.EINVAL, "room for fewer nodes than there can be");
    }
    if ((flags & ~(Uapi.MPOL_F_NODE | Uapi.MPOL_F_ADDR | Uapi.MPOL_F_MEMS_ALLOWED)) != 0) {
      return mm.error(Errno.EINVAL, "unknown flags");
    }
    long told;
    long nodes;
    if ((flags & Uapi.MPOL_F_MEMS_ALLOWED) != 0) {
      if ((flags & (Uapi.MPOL_F_NODE | Uapi.MPOL_F_ADDR)) != 0) {
        return mm.error(Errno.EINVAL, "MPOL_F_MEMS_ALLOWED with another flag");
      }
      told = 0;
      nodes = mm.context.nodeMask();
    } else {
      MemPolicy policy = mm.policy;
      if ((flags & Uapi.MPOL_F_ADDR) != 0) {
        Vma vma = mm.vmas.lookup(addr);
        if (vma == null) {
          return mm.error(Errno.EFAULT, "nothing is mapped there");
        }
        policy = policyAt(vma, addr);
      } else if (addr != 0) {
        return mm.error(Errno.EINVAL, "an address without MPOL_F_ADDR");
      }
      told = told(policy, addr, flags);
      if (told < 0) {
        return told;
      }
      nodes = policy == null ? 0 : policy.toldNodes();
    }
    return tell(policyAddr, told, maskAddr, maxNode, nodes);
  }

  /** What the first number is, or a negated errno. */
  private long told(@Nullable MemPolicy policy, long addr, long flags) {
    if ((flags & Uapi.MPOL_F_NODE) == 0) {
      return policy == null ? MemPolicy.DEFAULT : policy.mode() | policy.flags();
    }
    if ((flags & Uapi.MPOL_F_ADDR) != 0) {
      long at = addr & Mm.PAGE_MASK;
      if (!mayLook(at) || !touch.access(at, Touch.Access.READ, TouchOutcome.UNKNOWN).ok()) {
        return mm.error(Errno.EFAULT, "the page cannot be read");
      }
      int _ = mm.pages.look(at);
      return mm.context.frames().nodeOf(mm.pages.pfn());
    }
    if (policy == null
        || (policy.mode() != MemPolicy.INTERLEAVE
            && policy.mode() != MemPolicy.WEIGHTED_INTERLEAVE)) {
      return mm.error(Errno.EINVAL, "MPOL_F_NODE without an address, and not in turns");
    }
    return Long.numberOfTrailingZeros(policy.nodes());
  }

  /** {@code get_user_pages_fast}: a page that is there needs no VM_READ, but for special ones. */
  private boolean mayLook(long at) {
    Vma vma = mm.vmas.lookup(at);
    if (vma == null || vma.hasAny(VmFlags.IO | VmFlags.PFNMAP)) {
      return false;
    }
    boolean there = mm.pages.look(at) == PageTable.PAGE;
    return vma.hasAny(there ? VmFlags.ACCESS : VmFlags.READ);
  }

  private long tell(long policyAddr, long told, long maskAddr, long maxNode, long nodes) {
    if (policyAddr != 0) {
      if (!touch.kernelWrite(policyAddr, Integer.BYTES)) {
        return mm.error(Errno.EFAULT, "the mode cannot be written");
      }
      new UserBytes(mm, policyAddr).number(told, Integer.BYTES);
    }
    if (maskAddr == 0) {
      return 0;
    }
    long bytes = (maxNode - 1 + Long.SIZE - 1 & -Long.SIZE) / Byte.SIZE;
    if (bytes > Mm.PAGE) {
      return mm.error(Errno.EINVAL, "a mask of more than a page");
    }
    if (bytes > 0 && !touch.kernelWrite(maskAddr, bytes)) {
      return mm.error(Errno.EFAULT, "the mask cannot be written");
    }
    UserBytes out = new UserBytes(mm, maskAddr);
    for (long i = 0; i < bytes; i += Long.BYTES) {
      out.number(i == 0 ? nodes : 0, Long.BYTES);
    }
    return 0;
  }

  /** {@code __get_vma_policy}: that of shared memory is the file's; else the process has one. */
  private @Nullable MemPolicy policyAt(Vma vma, long addr) {
    SharedPolicy shared = mm.context.files.sharedPolicy(vma.backing);
    return shared == null ? vma.policy : shared.get(vma.pgoffAt(addr));
  }

  /** As numa_maps shows it at the start of a VMA. */
  String text(Vma vma) {
    MemPolicy own = policyAt(vma, vma.start);
    MemPolicy policy = own == null ? mm.policy : own;
    return policy == null ? "default" : policy.text();
  }

  /** set_mempolicy_home_node. */
  long setHomeNode(long addr, long lenIn, long node, long flags) {
    long end = addr + Mm.pageAlign(lenIn);
    boolean online = node >= 0 && node < Long.SIZE && (mm.context.nodeMask() >>> node & 1) != 0;
    if ((addr & Mm.PAGE - 1) != 0 || flags != 0 || !online || Long.compareUnsigned(end, addr) < 0) {
      return mm.error(Errno.EINVAL, "unaligned, flags, no such node, or the range wraps");
    }
    if (end == addr) {
      return 0;
    }
    boolean found = false;
    long at = addr;
    for (Vma vma = below(at, end); vma != null; vma = below(at, end)) {
      long from = Math.max(at, vma.start);
      at = Long.compareUnsigned(end, vma.end) < 0 ? end : vma.end;
      MemPolicy policy = vma.policy;
      if (policy == null) {
        continue;
      }
      if (policy.mode() != MemPolicy.BIND && policy.mode() != MemPolicy.PREFERRED_MANY) {
        return mm.error(Errno.EOPNOTSUPP, "a policy that has no home");
      }
      if (give(vma, from, at, policy.withHome((int) node)) == null) {
        return change.error;
      }
      found = true;
    }
    return found ? 0 : mm.error(Errno.ENOENT, "no policy in the range");
  }

  /** migrate_pages of the process itself. */
  long migratePages(long maxNode, long from, long to) {
    long target = mask(to, maxNode);
    if (mask(from, maxNode) < 0 || target < 0) {
      return mm.error(Errno.EINVAL, "a mask that is too long");
    }
    long there = mm.context.nodeMask();
    if ((target & ~there) != 0 && !mm.capable(Capability.SYS_NICE)) {
      return mm.error(Errno.EPERM, "a node that is not there, without CAP_SYS_NICE");
    }
    return (target & there) == 0 ? mm.error(Errno.EINVAL, "no node to move pages to") : 0;
  }

  /** move_pages of one page: its node, or the negated errno of the page or of the call. */
  long movePage(long addr, long node, long flags) {
    if ((flags & ~MOVES) != 0) {
      return mm.error(Errno.EINVAL, "unknown flags");
    }
    boolean all = (flags & Uapi.MPOL_MF_MOVE_ALL) != 0;
    if (all && !mm.capable(Capability.SYS_NICE)) {
      return mm.error(Errno.EPERM, "MPOL_MF_MOVE_ALL without CAP_SYS_NICE");
    }
    boolean asks = (int) node == Uapi.ANY_NODE;
    if (!asks && (node < 0 || node >= Long.SIZE || !isThere((int) node))) {
      return mm.error(Errno.ENODEV, "no such node, or it has no memory");
    }
    Vma vma = mm.vmas.lookup(addr);
    if (vma == null || (!asks && vma.hasAny(VmFlags.IO | VmFlags.PFNMAP))) {
      return mm.error(Errno.EFAULT, "nothing is mapped there, or it cannot be moved");
    }
    if (vma.hasAny(VmFlags.IO | VmFlags.PFNMAP)) {
      return mm.error(Errno.ENOENT, "the kernel's own pages");
    }
    int kind = mm.pages.look(addr & Mm.PAGE_MASK);
    long pfn = mm.pages.pfn();
    if (kind == PageTable.ZERO) {
      return mm.error(Errno.EFAULT, "the zero page");
    }
    if (kind != PageTable.PAGE) {
      return mm.error(Errno.ENOENT, "no page is there");
    }
    int now = mm.context.frames().nodeOf(pfn);
    if (!asks && now != node && !all && mm.context.frames().mapCount(pfn) > 1) {
      return mm.error(Errno.EACCES, "others map the page, too");
    }
    return now;
  }

  /** {@code nr_node_ids}. */
  private int nodeIds() {
    return Long.SIZE - Long.numberOfLeadingZeros(mm.context.nodeMask());
  }

  private boolean isThere(int node) {
    return (mm.context.nodeMask() >>> node & 1) != 0;
  }

  /** {@code sanitize_mpol_flags}. */
  private static boolean wrongMode(int modeAndFlags) {
    int mode = modeAndFlags & ~MODE_FLAGS;
    int flags = modeAndFlags & MODE_FLAGS;
    int kept = MemPolicy.STATIC_NODES | MemPolicy.RELATIVE_NODES;
    boolean balances = mode == MemPolicy.BIND || mode == MemPolicy.PREFERRED_MANY;
    return mode < 0
        || mode >= MODES
        || (flags & kept) == kept
        || ((flags & MemPolicy.BALANCING) != 0 && !balances);
  }

  /**
   * {@code get_nodes}: the bits that count, -1 for a mask that is too long. Bit 63 is no node here.
   */
  private static long mask(long nodes, long maxNode) {
    long bits = maxNode - 1;
    if (bits == 0 || nodes == 0) {
      return 0;
    }
    if (Long.compareUnsigned(bits, MOST_BITS) > 0) {
      return -1;
    }
    long all = bits < Long.SIZE ? (1L << bits) - 1 : -1L;
    return nodes & all & Long.MAX_VALUE;
  }

  /** {@code mpol_new} and {@code mpol_set_nodemask}: sets {@link #made} or {@link #error}. */
  private void make(int modeAndFlags, long nodesIn, long maxNode) {
    made = null;
    error = 0;
    int mode = modeAndFlags & ~MODE_FLAGS;
    int flags = modeAndFlags & MODE_FLAGS;
    long nodes = mask(nodesIn, maxNode);
    if (wrongMode(modeAndFlags) || nodes < 0) {
      error = mm.error(Errno.EINVAL, "no such mode, or a mask that is too long");
      return;
    }
    if (mode == MemPolicy.DEFAULT) {
      error = nodes == 0 ? 0 : mm.error(Errno.EINVAL, "MPOL_DEFAULT has no nodes");
      return;
    }
    boolean local = mode == MemPolicy.LOCAL || (mode == MemPolicy.PREFERRED && nodes == 0);
    boolean about = (flags & (MemPolicy.STATIC_NODES | MemPolicy.RELATIVE_NODES)) != 0;
    if (local ? nodes != 0 || about : nodes == 0) {
      error = mm.error(Errno.EINVAL, "nodes, or flags about them, that the mode does not take");
      return;
    }
    if (local) {
      made = new MemPolicy(MemPolicy.LOCAL, flags, 0, 0, MemPolicy.NO_NODE);
      return;
    }
    long there = mm.context.nodeMask();
    long counts = (flags & MemPolicy.RELATIVE_NODES) != 0 ? relative(nodes, there) : nodes & there;
    if (counts == 0) {
      error = mm.error(Errno.EINVAL, "none of the nodes has memory");
      return;
    }
    if (mode == MemPolicy.PREFERRED) {
      counts = Long.lowestOneBit(counts);
    }
    long kept = MemPolicy.keepsNodes(flags) ? nodes : 0;
    made = new MemPolicy(mode, flags, counts, kept, MemPolicy.NO_NODE);
  }

  /** {@code mpol_relative_nodemask}: the nth bit is the nth node that is there, counted round. */
  private static long relative(long nodes, long there) {
    int count = Long.bitCount(there);
    long out = 0;
    for (long rest = nodes; rest != 0; rest &= rest - 1) {
      int n = Long.numberOfTrailingZeros(rest) % count;
      long left = there;
      for (int i = 0; i < n; i++) {
        left &= left - 1;
      }
      out |= Long.lowestOneBit(left);
    }
    return out;
  }
}
