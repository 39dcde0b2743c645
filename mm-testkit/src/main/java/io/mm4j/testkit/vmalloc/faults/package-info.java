// SPDX-License-Identifier: Apache-2.0

/** Allocators of addresses that are wrong on purpose. */
@NullMarked
package io.mm4j.testkit.vmalloc.faults;

import org.jspecify.annotations.NullMarked;
