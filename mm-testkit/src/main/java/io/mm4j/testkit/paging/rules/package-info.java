// SPDX-License-Identifier: Apache-2.0

/** The rules of page-table formats and of page tables. */
@NullMarked
package io.mm4j.testkit.paging.rules;

import org.jspecify.annotations.NullMarked;
