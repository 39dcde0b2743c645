// SPDX-License-Identifier: Apache-2.0

/** The simplest correct page tables, and formats that were written from the manual. */
@NullMarked
package io.mm4j.testkit.paging.naive;

import org.jspecify.annotations.NullMarked;
