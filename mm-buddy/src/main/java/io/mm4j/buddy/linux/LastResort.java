// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static io.mm4j.api.page.PageAllocator.NO_PAGE;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import org.jspecify.annotations.Nullable;

/**
 * What is left when reclaim has failed: somebody is asked to give up all that he holds. Models
 * {@code __alloc_pages_may_oom()} of mm/page_alloc.c and the head of {@code out_of_memory()} of
 * mm/oom_kill.c (Linux 6.18).
 *
 * <p>Differences from Linux: without a handler nobody is asked and the request fails. A request
 * that may not call into file systems goes on for ever in Linux, where others free memory
 * meanwhile; here it fails. The look at the high watermark, which notices what a kill on another
 * CPU has freed, is left out: the walk just before went deeper.
 */
final class LastResort {
  private final Core core;
  private final FreelistWalk walk;

  LastResort(Core core, FreelistWalk walk) {
    this.core = core;
    this.walk = walk;
  }

  /** Whether there is anything to do for this request. */
  boolean isFor(AllocContext request) {
    String never = never(request);
    if (never != null) {
      if (core.explains()) {
        core.step(request.cpu, "the last resort is not for it: " + never);
      }
      return false;
    }
    return core.pressure.canKill() || request.wants(Gfp.__GFP_NOFAIL);
  }

  private @Nullable String never(AllocContext request) {
    if ((request.cpu.flags() & Cpu.PF_DUMPCORE) != 0) {
      return "a core dump would use up all reserves";
    }
    if (request.order > PcpPages.COSTLY_ORDER) {
      return "it would not bring large blocks";
    }
    if (request.wants(Gfp.__GFP_RETRY_MAYFAIL)) {
      return "__GFP_RETRY_MAYFAIL, it may fail";
    }
    if (request.wants(Gfp.__GFP_THISNODE)) {
      return "__GFP_THISNODE, other nodes may have memory";
    }
    return core.kinds.get(request.highest).compareTo(ZoneType.NORMAL) < 0
        ? "it needs memory below zone Normal"
        : null;
  }

  /** Asks; whether it is worth trying again. */
  boolean ask(AllocContext request) {
    boolean freed = core.pressure.outOfMemory(SlowPath.want(core, request, 0));
    if (core.explains()) {
      core.step(
          request.cpu, "out of memory: the last resort frees " + (freed ? "some" : "nothing"));
    }
    return freed;
  }

  /** Who must not fail may use everything then. */
  long mustNotFail(AllocContext request) {
    if (!request.wants(Gfp.__GFP_NOFAIL)) {
      return NO_PAGE;
    }
    if (core.explains()) {
      core.step(request.cpu, "__GFP_NOFAIL: everything may be used");
    }
    return walk.get(request, AllocFlags.NO_WATERMARKS);
  }
}
