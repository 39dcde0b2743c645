// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.List;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * One VMA as {@code /proc/PID/smaps} shows it: for reading a state and for loading one.
 *
 * @param start first address, page-aligned
 * @param end address behind the last byte, page-aligned
 * @param perms the four letters of maps: {@code r|-}, {@code w|-}, {@code x|-}, {@code p|s}
 * @param offsetBytes what maps shows as offset
 * @param name {@code ""} for none, {@code [heap]}, {@code [stack]}, {@code [vdso]}, {@code [vvar]},
 *     {@code [vvar_vclock]}, {@code [vsyscall]}, else the file's name
 * @param file the open file that backs it, null for anonymous memory and special mappings. When a
 *     state is loaded, VMAs that come from one open must share one object
 * @param flags the letters of VmFlags in smaps' order; empty when loading a state that does not
 *     give them
 * @param pages run lengths in the recordings' letters ({@code . A a F f z Z g}), such as {@code
 *     A1,.3}; {@code ?} or empty when unknown or not kept
 */
@API(status = API.Status.EXPERIMENTAL)
public record VmaInfo(
    long start,
    long end,
    String perms,
    long offsetBytes,
    String name,
    @Nullable OpenFile file,
    List<String> flags,
    String pages) {
  /** Whether maps shows a device and an inode for it. */
  public boolean hasInode() {
    return file != null;
  }

  /** As a line of {@code /proc/PID/maps} without device and inode. */
  @Override
  public String toString() {
    String shown = file != null ? file.file().name() : name;
    return String.format("%08x-%08x %s %08x", start, end, perms, offsetBytes)
        + (shown.isEmpty() ? "" : " " + shown);
  }

  /** Length in bytes. */
  public long bytes() {
    return end - start;
  }
}
