// SPDX-License-Identifier: Apache-2.0

/** What a CPU translates with: its directory, its TLB, and the walk of its hardware. */
@NullMarked
package io.mm4j.vmalloc.tlb;

import org.jspecify.annotations.NullMarked;
