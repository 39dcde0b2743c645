// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.memory.Architecture;

/** The machines on which rules of address spaces run. */
enum Ground {
  /** Four levels of page tables. */
  USUAL(Architecture.X86_64, "x86-64", 256L << 20),

  /** Room for some pages of 1 GiB. */
  LARGE(Architecture.X86_64, "x86-64", 7L << 30),

  /** Five levels: addresses of 56 bits, where they are asked for. */
  FIVE_LEVELS(Architecture.X86_64, "la57", 256L << 20),

  /** Three levels, and huge pages of 2 MiB but no larger ones. */
  PAE(Architecture.X86_PAE, "x86-pae", 256L << 20),

  /** Two levels, and no huge pages for processes. */
  NARROW(Architecture.X86_32, "x86-32", 256L << 20);

  final Architecture architecture;

  /** The plugin of its page tables. */
  final String format;

  final long bytes;

  Ground(Architecture architecture, String format, long bytes) {
    this.architecture = architecture;
    this.format = format;
    this.bytes = bytes;
  }

  /** Whether addresses of processes have 47 bits or more; else they end at 3 GiB. */
  boolean isWide() {
    return architecture.is64Bit();
  }
}
