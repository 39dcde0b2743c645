// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.process.page.FileObject;

/**
 * When a System V segment was used, and by whom ({@code shm_atim}, {@code shm_dtim}, {@code
 * shm_ctim}, {@code shm_cprid}, {@code shm_lprid} of {@code struct shmid_kernel}, ipc/shm.c, Linux
 * 6.18). Each mapping that begins or ends counts, those of fork, splits and exit too.
 *
 * <p>Times are seconds since 1970, processes are {@link Mm#pid}; 0 is never and nobody.
 */
public final class SegmentUse implements FileObject.Watcher {
  private final FloorContext context;
  private final int creator;
  private final Runnable lastGone;
  private long attached;
  private long detached;
  private long changed;
  private int last;
  private boolean gone;

  /**
   * Of a new one.
   *
   * @param lastGone what is done when a mapping has gone
   */
  SegmentUse(FloorContext context, int creator, Runnable lastGone) {
    this.context = context;
    this.creator = creator;
    this.lastGone = lastGone;
    changed();
  }

  @Override
  public void mapped(int pid) {
    attached = context.realSeconds();
    last = pid;
  }

  @Override
  public void unmapped(int pid) {
    detached = context.realSeconds();
    last = pid;
    lastGone.run();
  }

  @Override
  public boolean isGone() {
    return gone;
  }

  /** It is destroyed. */
  void destroyed() {
    gone = true;
  }

  /** Its owner or rights change. */
  public void changed() {
    changed = context.realSeconds();
  }

  /** When a mapping of it began. */
  public long attachedSeconds() {
    return attached;
  }

  /** When a mapping of it ended. */
  public long detachedSeconds() {
    return detached;
  }

  /** When it was made, or given to somebody else. */
  public long changedSeconds() {
    return changed;
  }

  /** Who made it. */
  public int creator() {
    return creator;
  }

  /** Who mapped or unmapped it. */
  public int last() {
    return last;
  }
}
