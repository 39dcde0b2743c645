// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

/** {@code /sys/kernel/mm/transparent_hugepage/enabled}. */
public enum ThpMode {
  /** Never a huge page. */
  NEVER,
  /** Huge pages where {@code MADV_HUGEPAGE} asked for them. */
  MADVISE,
  /** Huge pages wherever they fit. */
  ALWAYS
}
