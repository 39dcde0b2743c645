// SPDX-License-Identifier: Apache-2.0

/** Formats and page tables that are wrong on purpose. */
@NullMarked
package io.mm4j.testkit.paging.faults;

import org.jspecify.annotations.NullMarked;
