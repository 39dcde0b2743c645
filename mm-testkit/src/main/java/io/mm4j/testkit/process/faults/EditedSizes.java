// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.MemSizeStats;

/** The sums of a VMA, of which a fault changes one. */
final class EditedSizes {
  private final MemSizeStats right;
  long pss;
  long referenced;
  long anonymousThp;
  long sharedClean;
  long sharedDirty;

  EditedSizes(MemSizeStats right) {
    this.right = right;
    pss = right.pss();
    referenced = right.referenced();
    anonymousThp = right.anonymousThp();
    sharedClean = right.sharedClean();
    sharedDirty = right.sharedDirty();
  }

  MemSizeStats build() {
    return new MemSizeStats(
        right.resident(),
        pss,
        right.pssAnon(),
        right.pssFile(),
        right.pssShmem(),
        right.pssDirty(),
        right.pssLocked(),
        sharedClean,
        sharedDirty,
        right.privateClean(),
        right.privateDirty(),
        referenced,
        right.anonymous(),
        anonymousThp,
        right.shmemThp(),
        right.fileThp(),
        right.sharedHugetlb(),
        right.privateHugetlb());
  }
}
