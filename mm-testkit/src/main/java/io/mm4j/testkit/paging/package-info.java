// SPDX-License-Identifier: Apache-2.0

/** The suites of page-table formats and of page tables. */
@NullMarked
package io.mm4j.testkit.paging;

import org.jspecify.annotations.NullMarked;
