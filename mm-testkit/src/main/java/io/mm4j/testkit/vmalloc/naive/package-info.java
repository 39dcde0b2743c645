// SPDX-License-Identifier: Apache-2.0

/** The simplest correct allocator of addresses, and its habits. */
@NullMarked
package io.mm4j.testkit.vmalloc.naive;

import org.jspecify.annotations.NullMarked;
