// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.VmaInfo;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/** The lines of /proc/PID/status that the fields of an mm_struct answer, in kB. */
final class MmStatus {
  private MmStatus() {}

  /** Key to kB; keys whose floor does not exist are left out. */
  static Map<String, Long> of(AddressSpace mm, Collection<VmaInfo> vmas) {
    MmFields fields = mm.fields();
    Map<String, Long> status = new HashMap<>();
    status.put("VmPeak", fields.hiwaterVmPages() * 4);
    status.put("VmSize", fields.totalVmPages() * 4);
    status.put("VmLck", fields.lockedVmPages() * 4);
    status.put("VmPin", 0L);
    status.put("VmData", fields.dataVmPages() * 4);
    status.put("VmStk", fields.stackVmPages() * 4);
    long codePages =
        (roundUp(fields.places().endCode()) - (fields.places().startCode() & -4096)) >>> 12;
    codePages = Math.min(codePages, fields.execVmPages());
    status.put("VmExe", codePages * 4);
    status.put("VmLib", (fields.execVmPages() - codePages) * 4);
    status.put("VmPTE", fields.tablePages() * 4);
    if (!vmas.isEmpty()) {
      status.put("VmRSS", fields.rssPages() * 4);
    }
    return status;
  }

  private static long roundUp(long bytes) {
    return (bytes + 4095) & -4096;
  }
}
