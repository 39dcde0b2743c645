// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * What smaps sums up of one VMA, or smaps_rollup of all: the kernel's {@code struct mem_size_stats}
 * (fs/proc/task_mmu.c, Linux 6.18). All are bytes; the proportional ones are bytes times {@code 1
 * << }{@link #PSS_SHIFT}, so that halves and thirds of pages add up.
 *
 * <p>A page counts as <i>shared</i> when two or more entries map it, whoever has them; a page of
 * the pool of huge pages is in the last two sums only. A page is <i>dirty</i> when its entry is, or
 * the page itself: written to through another entry that is gone or that told the page at once.
 *
 * @param resident mapped pages
 * @param pss of each page its size divided by how many entries map it
 * @param pssAnon of it anonymous memory
 * @param pssFile of it pages of files
 * @param pssShmem of it shared memory
 * @param pssDirty of it dirty pages
 * @param pssLocked of it in locked VMAs
 * @param sharedClean mapped more than once, and clean
 * @param sharedDirty mapped more than once, and dirty
 * @param privateClean mapped once, and clean
 * @param privateDirty mapped once, and dirty
 * @param referenced through entries with the accessed bit
 * @param anonymous anonymous memory
 * @param anonymousThp of it in huge entries
 * @param shmemThp shared memory in huge entries
 * @param fileThp pages of files in huge entries
 * @param sharedHugetlb pages of the pool that are mapped more than once
 * @param privateHugetlb pages of the pool that are mapped once
 */
@API(status = API.Status.EXPERIMENTAL)
public record MemSizeStats(
    long resident,
    long pss,
    long pssAnon,
    long pssFile,
    long pssShmem,
    long pssDirty,
    long pssLocked,
    long sharedClean,
    long sharedDirty,
    long privateClean,
    long privateDirty,
    long referenced,
    long anonymous,
    long anonymousThp,
    long shmemThp,
    long fileThp,
    long sharedHugetlb,
    long privateHugetlb) {
  /** The proportional sums have so many bits behind the point. */
  public static final int PSS_SHIFT = 12;

  /** Nothing is mapped. */
  public static final MemSizeStats NONE =
      new MemSizeStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

  /** Both together. */
  public MemSizeStats plus(MemSizeStats other) {
    return new MemSizeStats(
        resident + other.resident,
        pss + other.pss,
        pssAnon + other.pssAnon,
        pssFile + other.pssFile,
        pssShmem + other.pssShmem,
        pssDirty + other.pssDirty,
        pssLocked + other.pssLocked,
        sharedClean + other.sharedClean,
        sharedDirty + other.sharedDirty,
        privateClean + other.privateClean,
        privateDirty + other.privateDirty,
        referenced + other.referenced,
        anonymous + other.anonymous,
        anonymousThp + other.anonymousThp,
        shmemThp + other.shmemThp,
        fileThp + other.fileThp,
        sharedHugetlb + other.sharedHugetlb,
        privateHugetlb + other.privateHugetlb);
  }

  /** A proportional sum as smaps prints it, in kB, rounded down. */
  public static long pssKb(long shifted) {
    return shifted >>> (10 + PSS_SHIFT);
  }
}
